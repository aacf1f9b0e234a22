import time

from flwr.app import Context
from flwr.serverapp import Grid, ServerApp

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    ticks = int(context.run_config["ticks"])
    for number in range(1, ticks + 1):
        print(f"tick {number} of {ticks}", flush=True)
        time.sleep(float(context.run_config["pause"]))
