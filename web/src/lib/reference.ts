// The grammar of references to images (distribution's `reference` package). What does not fit it is no name that a command
// could take, and may be one that a shell takes for something else.

const LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?";
const HOST = `(?:${LABEL}(?:\\.${LABEL})*|\\[[a-fA-F0-9:]+\\])`;
const REGISTRY = new RegExp(`^${HOST}(?::[0-9]{1,5})?$`);
const COMPONENT = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const REPOSITORY = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const DIGEST = /^(?:sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128})$/;
const LONGEST_REPOSITORY = 255;

export function isDigest(text: string): boolean {
  return DIGEST.test(text);
}

/** Whether clients take it for a registry, and not for the beginning of a name at Docker Hub. */
function isRegistry(text: string): boolean {
  return REGISTRY.test(text) && (/[.:[]/.test(text) || text === "localhost");
}

/** The command that fetches an image; nothing where the names are none that it could take. */
export function pullCommand(registry: string, repository: string, digest: string): string | undefined {
  const fits =
    isRegistry(registry) &&
    repository.length <= LONGEST_REPOSITORY &&
    REPOSITORY.test(repository) &&
    isDigest(digest);
  return fits ? `docker pull ${shellQuoted(`${registry}/${repository}@${digest}`)}` : undefined;
}

/** One word for a shell, whatever is in it. */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
