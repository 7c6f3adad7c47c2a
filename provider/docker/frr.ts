import {
    applyFrrCommand,
    awaitFrrCommand,
    checkFrrCommand,
    frrDifferences,
    frrExit,
    frrFileDiffers,
} from "../../render/frr-script";
import type { Observation, ResourceKind } from "../resource";
import type { ExecResult } from "../sandbox/protocol";
import { dockerTypes, type FrrInputs } from "../schema";
import { configured, observed, reconfigured } from "./configured";
import { type Engine, engine } from "./engine";

/** What FRR or a tool said, indented under a heading. */
function indented({ stdout, stderr }: ExecResult): string {
    const lines = `${stdout}\n${stderr}`.split("\n").filter((line) => line.trim() !== "");
    return lines.map((line) => `\n  ${line.trimEnd()}`).join("");
}

async function apply({ container, config }: FrrInputs): Promise<void> {
    const docker = await engine();
    const result = await docker.exec(container, applyFrrCommand, { stdin: config, timeoutSeconds: 120 });
    switch (result.code) {
        case 0:
            return;
        case frrExit.restart:
            return restart(docker, container);
        case frrExit.refused:
            throw new Error(`FRR in ${container} does not take its configuration:${indented(result)}`);
        case frrExit.silent:
            throw new Error(`FRR in ${container} does not start; see "docker logs ${container}":${indented(result)}`);
        default:
            throw new Error(
                `FRR in ${container} cannot be configured; the image needs vtysh and /usr/lib/frr/frr-reload.py:${indented(result)}`,
            );
    }
}

/** Another profile of defaults holds only for what is configured after it. */
async function restart(docker: Engine, container: string): Promise<void> {
    await docker.restart(container);
    const result = await docker.exec(container, awaitFrrCommand, { timeoutSeconds: 120 });
    if (result.code !== 0) {
        throw new Error(`FRR in ${container} does not start again; see "docker logs ${container}":${indented(result)}`);
    }
}

async function look({ container, config }: FrrInputs): Promise<Observation> {
    const docker = await engine();
    const { code, stdout, stderr } = await docker.exec(container, checkFrrCommand, { stdin: config });
    if (code !== 0) {
        return [{ path: "daemons", found: (stdout || stderr).trim() }];
    }
    const differences = frrDifferences(stdout).map(({ kind, line }) => ({
        path: "config",
        found: kind === "extra" ? `"${line}" is configured, too` : `"${line}" is missing`,
    }));
    return frrFileDiffers(stdout)
        ? [...differences, { path: "file", found: "/etc/frr/frr.conf is another one, and a restart would load it" }]
        : differences;
}

/** FRR's configuration in a container: applied live, without a reset of sessions that a change does not concern. */
export const frr: ResourceKind<FrrInputs> = {
    type: dockerTypes.frr,
    inputs: { container: "string", containerId: "string", config: "string" },
    replaceOn: ["container"],
    plan({ container }) {
        return { id: `${container}/frr` };
    },
    create: (inputs) => configured(inputs.container, () => apply(inputs)),
    update: (_olds, news) => reconfigured(() => apply(news)),
    read: (inputs) => observed(inputs.container, () => look(inputs)),
    /** The configuration ends with its container, which comes with none. */
    async delete() {},
};
