/** The resources of labs as the program registers them, with what is secret and what a preview does not know. */

import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { isError } from "../../lab/rules/findings";
import { readLab, type StackConfig } from "../../stacks/config";
import { record } from "../components/recording";
import { stackConfig } from "../stacks/configs";
import type { Sent } from "./asking";

const root = resolve(__dirname, "../..");

/** Names of the shipped stacks whose labs are not refused. */
export const shipped: readonly string[] = readdirSync(root)
    .flatMap((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? [])
    .filter((stack) => !readLab(shippedConfig(stack), stack).findings.some(isError));

/** Configuration of a shipped stack. */
export function shippedConfig(stack: string): StackConfig {
    return stackConfig(join(root, `Pulumi.${stack}.yaml`));
}

/** Leaf-spine with VyOS: routers that are whole systems, with users whose passwords are secrets. */
export const vyosConfig: StackConfig = {
    topology: "leaf-spine",
    lab: { nos: "vyos", racks: 1, spines: 1 },
    docker: { images: { vyos: "registry.test/vyos:1.4.0" } },
};

/** What the program registers for a configuration, in its order; in a preview outputs are not known. */
export function registered(stack: string, config: StackConfig, preview: boolean): readonly Sent[] {
    const { resources } = record({ stack, preview, config: { ...config } });
    return resources.map(({ urn, inputs }) => {
        const [, , types = "", name = ""] = urn.split("::");
        return { type: types.slice(types.lastIndexOf("$") + 1), name, inputs };
    });
}
