"""The same as webhook.mjs, by the Standard Webhooks library in Python: verifies, and prints the payload."""

import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

for line in sys.stdin:
    delivery = json.loads(line)
    webhook = Webhook(delivery["secret"])
    payload = webhook.verify(delivery["body"], delivery["headers"])
    try:
        webhook.verify(delivery["body"] + " ", delivery["headers"])
    except WebhookVerificationError:
        print(json.dumps({"payload": payload}), flush=True)
    else:
        sys.exit("another body was taken")
