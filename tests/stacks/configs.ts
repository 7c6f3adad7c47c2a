import { readFileSync } from "node:fs";
import { parse } from "yaml";
import type { StackConfig } from "../../stacks/config";

/** The project's part of a stack file, as the Pulumi engine hands it to the program. */
export function stackConfig(path: string): StackConfig {
    const { config } = parse(readFileSync(path, "utf8")) as { readonly config: Readonly<Record<string, unknown>> };
    return Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace(/^bgp-lab:/, ""), value]));
}
