"""From files to desired assets: settings, spec files, and the catalogue of what the API is known to accept.

Data flows one way: bytes → `source` (text) → `yaml` (values that know where they were written) → `templates` (texts with `${…}`) →
`expansion` (one asset becomes many) → `blocks` (values filled in, checked against `documents` by pydantic) → `layers` (defaults, presets,
and what an asset says itself) → `resolve` and `checks` (assets of the model).

What other packages use; import it from the module that holds it, so that nothing is loaded that is not needed:

- `project_files.find_project(start) -> Path | None`: the nearest folder upward with `mpsjobs.yaml`.
- `settings.load_settings(root) -> (Settings, notices)`.
- `catalogue.load_catalogue(settings.models) -> Catalogue`: models, versions, parameters, and how they are sent.
- `load.load_assets(root, settings, catalogue, strict=..., given=...) -> Loaded`: the desired assets, sorted by address.
- `variables.Given`: values of variables from outside.

Whatever a person can mend is raised as `SpecError` that carries all diagnostics at once, each with file, line and column. Arbitrary
bytes in a file never raise anything else. Nothing here writes, and nothing outside the project is read.
"""
