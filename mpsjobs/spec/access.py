"""The sections of the settings that hold, or name, secrets: `credentials` and `notify`."""

from mpsjobs.model.notification import NotifySettings
from mpsjobs.model.settings import AssumeRole, CredentialsSettings, WebIdentity
from mpsjobs.spec.notify_file import NotifyFile
from mpsjobs.spec.problems import Problems
from mpsjobs.spec.settings_file import CredentialsFile


def credentials_settings(file: CredentialsFile, problems: Problems) -> CredentialsSettings:
    """Whose account is used. What is wrong is noted in `problems`."""
    role, web = file.assume_role, file.web_identity
    if web and web.token_env and web.token_file:
        problems.two_sources(
            ("credentials", "web_identity", "token_file"), "The token has", "token_env", "token_file"
        )
    if web and file.profile:
        problems.two_sources(("credentials", "profile"), "The credentials have", "profile", "web_identity")
    return CredentialsSettings(
        profile=file.profile,
        assume_role=AssumeRole(role.role_arn, role.session_name, role.duration) if role else None,
        web_identity=WebIdentity(
            web.provider_id,
            web.role_arn,
            web.token_env,
            web.token_file,
            web.audience,
            web.session_name,
            web.duration,
        )
        if web
        else None,
        endpoint=file.endpoint,
    )


def notify_settings(file: NotifyFile, problems: Problems) -> NotifySettings:
    """Who is told at the end of an apply. What is wrong is noted in `problems`."""
    if file.webhook and file.webhook_env:
        problems.two_sources(("notify", "webhook_env"), "The webhook has", "webhook", "webhook_env")
    return NotifySettings(file.webhook, file.webhook_env, file.on, file.template)
