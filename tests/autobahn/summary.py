"""What the suite found, in a few lines; fails if a case failed.

    summary.py INDEX.JSON
"""

import collections
import json
import sys

cases = json.load(open(sys.argv[1]))["tagcast"]
results = collections.defaultdict(list)
for case, result in cases.items():
    results[result["behavior"]].append(case)
    if result["behaviorClose"] not in ("OK", "INFORMATIONAL", "UNIMPLEMENTED"):
        results["close " + result["behaviorClose"]].append(case)
print(len(cases), "cases")
for behavior, found in sorted(results.items()):
    found.sort(key=lambda case: [int(part) for part in case.split(".")])
    shown = "" if behavior == "OK" else " ".join(found if len(found) < 12 else found[:3] + ["…"] + found[-3:])
    print(f"{len(found):4} {behavior:14} {shown}".rstrip())
sys.exit(any("FAILED" in behavior or "WRONG" in behavior for behavior in results))
