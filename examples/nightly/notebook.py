# %% [markdown]
# A notebook: each `# %%` is a cell (VS Code, PyCharm, Spyder and Jupytext read it so).

# %% What would be done, and what would it cost? This changes nothing.
from mpsjobs import Project, progress

project = Project.open()  # in this folder, or above
plan = project.plan()
for change in plan.changes:
    print(f"{change.kind:10} {change.address}")
print(plan.generations, "generations")

# %% Do it. The stop button stops it in good order; running this cell again goes on.
with project.apply() as run:
    for event in run:
        match event:
            case progress.Tick(done=done, total=total):
                print(f"{done} of {total} done")
            case progress.Finished(address, take, seconds=seconds):
                print(f"{address}: take {take}, after {seconds:.0f} s")
            case progress.Failed(address, message=message):
                print(f"{address}: {message}")
            case _:
                pass

# %% What is there now, and where.
for asset in project.current(project.state()):
    print(asset.address, asset.take and asset.take.outputs[0].duration_s, *asset.files)
