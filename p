{
  "format": "mpsjobs-plan",
  "version": 1,
  "replace": [],
  "retry": false,
  "bindings": {
    "c": {
      "kind": "generate",
      "fingerprint": "f1:dd1f97f1eba6b503927ab7f414520382",
      "generations": 1,
      "serial": 0,
      "next_take": 1,
      "takes": 1,
      "pick": null,
      "publish": null,
      "lifecycle": {},
      "deletes": 0
    }
  },
  "plan": {
    "format_version": 1,
    "realm": "emulator",
    "environment": null,
    "lineage": "",
    "serial": 0,
    "summary": {
      "generate": 1,
      "regenerate": 0,
      "restore": 0,
      "update": 0,
      "move": 0,
      "retire": 0,
      "resume": 0,
      "unresolved": 0,
      "failed": 0,
      "keep": 0,
      "generations": 1,
      "cost": null
    },
    "changes": [
      {
        "address": "c",
        "kind": "generate",
        "reasons": [],
        "generations": 1,
        "fingerprint": "f1:dd1f97f1eba6b503927ab7f414520382",
        "fields": {
          "model": "MiniMaxMusic",
          "version": "2.6",
          "prompt": "A chase",
          "format": "mp3"
        },
        "moved_from": null,
        "message": null,
        "depends_on": [],
        "publishes": null,
        "on_remove": null,
        "deletes": 0,
        "cost": null
      }
    ],
    "risks": [],
    "diagnostics": [],
    "left_out": [
      {
        "address": "b",
        "generations": 1,
        "why": "needs a, which is excluded and not there yet"
      },
      {
        "address": "d",
        "generations": 1,
        "why": "beyond --limit 1"
      }
    ]
  },
  "sum": "1d9b1c590e0227928f8fe52ebdb923e7"
}
