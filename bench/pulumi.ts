import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { type Measured, measure } from "./measure";

/** A stack of some program, run by the published CLI on a state of its own. */
export interface BenchStack {
    /** Creates the stack with its configuration; not measured. */
    init(config: Readonly<Record<string, unknown>>): Promise<void>;
    /** Runs a verb, unattended. */
    run(verb: "up" | "preview" | "destroy", ...args: readonly string[]): Promise<Measured>;
}

const unattended = {
    up: ["--yes", "--skip-preview"],
    preview: [],
    destroy: ["--yes", "--skip-preview"],
} as const;

/**
 * A stack for measurements. Plugins are found where the user has them.
 *
 * @param program folder with the Pulumi.yaml
 * @param stack name of the stack
 * @param folder where state and configuration go
 */
export function benchStack(program: string, stack: string, folder: string): BenchStack {
    const configFile = join(folder, `Pulumi.${stack}.yaml`);
    const scratch = join(folder, `scratch-${stack}`);
    const env = {
        ...process.env,
        PULUMI_BACKEND_URL: `file://${folder}`,
        PULUMI_CONFIG_PASSPHRASE: "bench",
        PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER: "true",
        PULUMI_SKIP_UPDATE_CHECK: "true",
        PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    };
    return {
        async init(config) {
            const { stdout: name } = await measure("sed", ["-n", "s/^name: //p", join(program, "Pulumi.yaml")]);
            mkdirSync(scratch);
            // The CLI writes a salt into the stack file of the folder it runs in, which is not to be the program's.
            writeFileSync(join(scratch, "Pulumi.yaml"), `name: ${name.trim()}\nruntime: nodejs\n`);
            await measure("pulumi", ["stack", "init", stack, "--no-select", "--non-interactive"], {
                cwd: scratch,
                env,
            });
            writeFileSync(configFile, stringify({ config }));
        },
        run(verb, ...args) {
            const options = ["--stack", stack, "--config-file", configFile, "--non-interactive", "--parallel", "64"];
            return measure("pulumi", [verb, ...options, ...unattended[verb], ...args], { cwd: program, env });
        },
    };
}
