"""The section `state` of the settings."""

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Severity
from mpsjobs.model.settings import EncryptionSettings, StateSettings
from mpsjobs.spec.environments import Environment, own_state, state_key
from mpsjobs.spec.fields import bare_prefix
from mpsjobs.spec.problems import Problems
from mpsjobs.spec.settings_file import SettingsFile, StateFile


def state_settings(settings: SettingsFile, chosen: Environment | None, problems: Problems) -> StateSettings:
    """Where the state of an environment is, and how it is kept there. What is wrong with it is noted in `problems`."""
    file = settings.state
    if file.backend == "cos":
        problems.needs_place(
            settings, "state", "With `backend: cos`, it is kept in a COS bucket.", Code.STATE_INCOMPLETE
        )
    key = bare_prefix(file.key) if file.key else state_key(settings.project or "")
    return StateSettings(
        backend=file.backend,
        path=own_state(file.path, chosen, "path"),
        bucket=file.bucket or "",
        region=file.region or "",
        key=own_state(key, chosen, "key"),
        endpoint=file.endpoint,
        addressing_style=file.addressing_style,
        encryption=_encryption(file, problems),
    )


def _encryption(state: StateFile, problems: Problems) -> EncryptionSettings | None:
    file = state.encryption
    if file is None:
        return None
    path = ("state", "encryption")
    if file.key_env and file.key_file:
        problems.two_sources((*path, "key_file"), "The key of the state has", "key_env", "key_file")
    written = problems.written("state").get("encryption")
    if isinstance(written, dict) and not written.keys() & {"key_env", "key_file", "key"}:
        problems.add(
            path,
            "Encryption needs a key",
            "Nothing says where it is.",
            "Name the variable that holds it, `key_env: MPSJOBS_STATE_KEY`, or a file, `key_file: ~/.config/mpsjobs/state.key`.",
            key=True,
            code=Code.MISSING_KEY,
        )
    if state.backend == "file":
        problems.add(
            path,
            "The state is in a file, which is not encrypted",
            "Only what lies in a bucket is encrypted.",
            "Write `backend: cos`, or remove `encryption`.",
            key=True,
            code=Code.FILE_NOT_ENCRYPTED,
            severity=Severity.WARNING,
        )
    return EncryptionSettings(file.key_env, file.key_file, file.write)
