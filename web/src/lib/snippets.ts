/** How a registry is told to send its notifications here. `text` is to be copied, `then` says where it goes. */
export interface Recipe {
  registry: string;
  where: string;
  text: string;
}

const SECRET = "YOUR-SECRET";

/** On the machine itself a gateway without settings asks for nothing. */
function guarded(origin: string): boolean {
  return !/^https?:\/\/(127\.|localhost|\[::1\])/.test(origin);
}

/** The block of CNCF Distribution's configuration. */
export function distribution(origin: string, source = "distribution"): string {
  const headers = guarded(origin) ? `\n      headers:\n        Authorization: [Bearer ${SECRET}]` : "";
  return `notifications:
  endpoints:
    - name: tagcast
      url: ${origin}/v1/sources/${source}/events${headers}
      timeout: 1s
      threshold: 5
      backoff: 1s`;
}

/** The way for each kind of source. */
export function recipe(kind: string, source: string, origin: string): Recipe {
  const url = `${origin}/v1/sources/${source}/events`;
  const secretUrl = guarded(origin) ? `${url}?secret=${SECRET}` : url;
  const bearer = guarded(origin) ? `\nAuthorization: Bearer ${SECRET}` : "";
  const signed = guarded(origin) ? `\nSecret: ${SECRET}` : "";
  const recipes: Record<string, Recipe> = {
    distribution: {
      registry: "CNCF Distribution, registry:2 and registry:3",
      where: "In its config.yml; then restart it.",
      text: distribution(origin, source),
    },
    harbor: {
      registry: "Harbor",
      where:
        "Project → Webhooks → New Webhook: notify type http, events “Artifact pushed” and “Artifact deleted”.",
      text: `${url}${bearer}`,
    },
    azure: {
      registry: "Azure Container Registry",
      where: "An Event Grid subscription:",
      text: `az eventgrid event-subscription create --name tagcast \\
  --source-resource-id "$(az acr show --name MYREGISTRY --query id --output tsv)" \\
  --event-delivery-schema cloudeventschemav1_0 \\
  --endpoint "${secretUrl}"`,
    },
    ghcr: {
      registry: "GitHub Packages",
      where: "Settings → Webhooks → Add webhook: application/json, event “Registry packages”.",
      text: `${url}${signed}`,
    },
    ecr: {
      registry: "Amazon ECR",
      where: "An EventBridge API destination, as the target of a rule on “ECR Image Action”.",
      text: `aws events create-api-destination --name tagcast --http-method POST \\
  --connection-arn CONNECTION_ARN --invocation-endpoint ${url}`,
    },
    gar: {
      registry: "Google Artifact Registry",
      where: "A push subscription on the topic gcr:",
      text: `gcloud pubsub subscriptions create tagcast --topic gcr \\
  --push-endpoint ${url} \\
  --push-auth-service-account SERVICE_ACCOUNT --push-auth-token-audience ${origin} --ack-deadline 30`,
    },
    dockerhub: { registry: "Docker Hub", where: "Repository → Webhooks.", text: secretUrl },
    quay: {
      registry: "Quay",
      where: "Repository → Settings → Create Notification: “Push to Repository”, “Webhook POST”.",
      text: secretUrl,
    },
    gitlab: {
      registry: "GitLab’s registry",
      where: "In /etc/gitlab/gitlab.rb; then gitlab-ctl reconfigure.",
      text: `registry['notifications'] = [
  { 'name' => 'tagcast', 'url' => '${url}', 'timeout' => '1s', 'threshold' => 5, 'backoff' => '1s'${
    guarded(origin) ? `,\n    'headers' => { 'Authorization' => ['Bearer ${SECRET}'] }` : ""
  } }
]`,
    },
    zot: {
      registry: "zot",
      where: "In its configuration:",
      text: `"extensions": { "events": { "enable": true, "sinks": [
  { "type": "http", "address": "${url}", "timeout": "5s"${guarded(origin) ? `, "token": "${SECRET}"` : ""} }
] } }`,
    },
    gitea: {
      registry: "Gitea, Forgejo",
      where: "Settings → Webhooks → Add: application/json, custom event “Package”.",
      text: `${url}${signed}`,
    },
    jfrog: {
      registry: "JFrog Artifactory",
      where: "Administration → Webhooks: Docker, “Tag was pushed” and “Tag was deleted”, payload signing on.",
      text: `${url}${signed}`,
    },
    nexus: {
      registry: "Sonatype Nexus 3",
      where: "System → Capabilities → Webhook: Repository, event type “component”.",
      text: `${url}${signed}`,
    },
    alibaba: { registry: "Alibaba Cloud ACR", where: "Repository → Triggers → Create.", text: secretUrl },
    "tencent-tcr": {
      registry: "Tencent Cloud TCR",
      where: "Console → Trigger → Create.",
      text: `${url}${bearer}`,
    },
  };
  return (
    recipes[kind] ?? {
      registry: kind,
      where: "Anything that can send these events with POST.",
      text: `curl -H 'Content-Type: application/json'${guarded(origin) ? ` -H 'Authorization: Bearer ${SECRET}'` : ""} \\
  --data-binary @events.json ${url}`,
    }
  );
}
