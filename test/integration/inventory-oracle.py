"""Reads cases as JSON lines {sources[], patterns[], limits[], variables[]}, and answers with what Ansible's own code says."""
import json
import sys

from ansible.cli.inventory import InventoryCLI
from ansible.inventory.manager import InventoryManager
from ansible.parsing.ajson import AnsibleJSONEncoder
from ansible.parsing.dataloader import DataLoader
from ansible.vars.manager import VariableManager


def selected(manager, pattern, limit):
    try:
        manager.subset(limit)
        return [h.name for h in manager.get_hosts(pattern)]
    except Exception:
        return None
    finally:
        manager.subset(None)


cli = InventoryCLI(["ansible-inventory", "--list"])
cli.parse()


def listing(loader, inventory, variables):
    """As `ansible-inventory --list` prints it."""
    cli.loader, cli.inventory, cli.vm = loader, inventory, variables
    return json.dumps(cli.json_inventory(cli.inventory.groups["all"]), cls=AnsibleJSONEncoder)


for line in sys.stdin:
    case = json.loads(line)
    loader = DataLoader()
    manager = InventoryManager(loader=loader, sources=case["sources"])
    variables = VariableManager(loader=loader, inventory=manager)
    answer = {
        "groups": {
            name: {"hosts": [h.name for h in group.hosts], "children": [g.name for g in group.child_groups]}
            for name, group in manager.groups.items()
        },
        "parsed": len(manager._inventory.processed_sources),
        "patterns": [
            selected(manager, pattern, limit) for pattern, limit in zip(case["patterns"], case["limits"])
        ],
        "variables": {},
        "listing": None,
    }
    for host in manager.hosts.values():
        known = variables.get_vars(host=host, include_hostvars=False, stage="all")
        answer["variables"][host.name] = {name: str(known[name]) for name in case["variables"] if name in known}
    if case["isListed"]:
        answer["listing"] = listing(loader, manager, variables)
    print(json.dumps(answer), flush=True)
