"""Reads cases as JSON lines {source, patterns[]}, and answers with what Ansible's own InventoryManager says."""
import json
import sys

from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader

for line in sys.stdin:
    case = json.loads(line)
    manager = InventoryManager(loader=DataLoader(), sources=[case["source"]])
    answer = {
        "groups": {
            name: {"hosts": [h.name for h in group.hosts], "children": [g.name for g in group.child_groups]}
            for name, group in manager.groups.items()
        },
        "isParsed": len(manager._inventory.processed_sources) > 0,
        "patterns": [],
    }
    for pattern in case["patterns"]:
        try:
            answer["patterns"].append([h.name for h in manager.get_hosts(pattern)])
        except Exception:
            answer["patterns"].append(None)
    print(json.dumps(answer), flush=True)
