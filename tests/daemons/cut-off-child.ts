import { applyFrr } from "../../provider/daemons/frr";
import { applyGobgp } from "../../provider/daemons/gobgp";
import { connectSandbox } from "../../provider/sandbox/start";
import { nodeConfig, routerConfig } from "./fixtures";

/** Works on a sandbox's daemons until it is killed: arguments are the sandbox's name and what to work on. */
async function main(): Promise<void> {
    const [, , name = "", work] = process.argv;
    const sandbox = await connectSandbox(name);
    if (!sandbox) {
        throw new Error(`no sandbox ${name}`);
    }
    process.stdout.write("begins\n");
    await (work === "frr"
        ? applyFrr(sandbox, { namespace: "router0", config: routerConfig({ timers: "5 15", prefixLength: 9 }) })
        : applyGobgp(sandbox, { namespace: "node1", config: nodeConfig({ originated: ["10.254.0.99/32"] }) }));
    sandbox.close();
}

void main();
