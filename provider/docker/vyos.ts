import {
    applyVyosCommand,
    checkVyosCommand,
    type VyosDifference,
    vyosDifferences,
    vyosExit,
    withoutSecrets,
} from "../../render/vyos-script";
import type { Observation, ResourceKind } from "../resource";
import type { ExecResult } from "../sandbox/protocol";
import { dockerTypes, type VyosInputs } from "../schema";
import { configured, observed, reconfigured } from "./configured";
import { engine } from "./engine";

/** What VyOS said, indented under a heading, without what is secret in it. */
function indented({ stdout, stderr }: ExecResult): string {
    const lines = withoutSecrets(`${stdout}\n${stderr}`)
        .split("\n")
        .filter((line) => line.trim() !== "");
    return lines.map((line) => `\n  ${line.trimEnd()}`).join("");
}

/** The configuration goes in by standard input: arguments of processes are for everybody to see. */
async function apply({ container, config }: VyosInputs): Promise<void> {
    const docker = await engine();
    const result = await docker.exec(container, applyVyosCommand, { stdin: config, timeoutSeconds: 600 });
    switch (result.code) {
        case 0:
            return;
        case vyosExit.refused:
            throw new Error(`VyOS in ${container} does not take its configuration:${indented(result)}`);
        case vyosExit.silent:
            throw new Error(`VyOS in ${container} does not start; see "docker logs ${container}":${indented(result)}`);
        default:
            throw new Error(
                `VyOS in ${container} cannot be configured; is bgp-lab:docker.images.vyos an image of VyOS?${indented(result)}`,
            );
    }
}

async function look({ container, config }: VyosInputs): Promise<Observation> {
    const docker = await engine();
    const result = await docker.exec(container, checkVyosCommand, { stdin: config, timeoutSeconds: 60 });
    if (result.code !== 0) {
        return [{ path: "system", found: withoutSecrets(result.stdout || result.stderr).trim() }];
    }
    return vyosDifferences(result.stdout).map(drift);
}

function drift(difference: VyosDifference) {
    switch (difference.kind) {
        case "file":
            return { path: "file", found: "another configuration was applied last" };
        case "extra":
            return { path: "config", found: `"${difference.line}" is configured, too` };
        case "missing":
            return { path: "config", found: `"${difference.line}" is missing` };
    }
}

/** VyOS's configuration in a container: loaded and committed live, which touches only what differs. */
export const vyos: ResourceKind<VyosInputs> = {
    type: dockerTypes.vyos,
    inputs: { container: "string", containerId: "string", config: "string" },
    replaceOn: ["container"],
    plan({ container }) {
        return { id: `${container}/vyos` };
    },
    create: (inputs) => configured(inputs.container, () => apply(inputs)),
    update: (_olds, news) => reconfigured(() => apply(news)),
    read: (inputs) => observed(inputs.container, () => look(inputs)),
    /** The configuration ends with its container, which comes with none. */
    async delete() {},
};
