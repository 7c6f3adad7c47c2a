import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { onPath } from "../../bench/measure";
import { publishedCli } from "../engine/harness";

/** Why no stack can be run by the published Pulumi CLI with the docker plugin; undefined where it can. */
export async function publishedMissing(): Promise<string | undefined> {
    if (publishedCli() === undefined) {
        return "no pulumi and pulumi-language-nodejs on PATH";
    }
    return onPath("pulumi-resource-docker") ? undefined : "no pulumi-resource-docker on PATH";
}

/** How a command ended. */
export interface Ended {
    readonly code: number | null;
    /** Both streams, in the order of arrival. */
    readonly said: string;
}

const unattended: Readonly<Record<string, readonly string[]>> = {
    up: ["--yes", "--skip-preview"],
    destroy: ["--yes", "--skip-preview"],
};

/** A stack of a program, run by the published CLI, with state and configuration in a folder of its own. */
export class PublishedStack {
    private readonly folder = mkdtempSync(join(tmpdir(), "bgp-lab-published-"));
    private readonly configFile: string;
    private readonly env: NodeJS.ProcessEnv;

    constructor(
        private readonly program: string,
        private readonly project: string,
        readonly name: string,
    ) {
        this.configFile = join(this.folder, `Pulumi.${name}.yaml`);
        this.env = {
            ...process.env,
            PULUMI_BACKEND_URL: `file://${this.folder}`,
            PULUMI_CONFIG_PASSPHRASE: "test",
            PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER: "true",
            PULUMI_SKIP_UPDATE_CHECK: "true",
            PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
            NO_COLOR: "1",
        };
    }

    private execute(cwd: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
        return new Promise((done, fail) => {
            const child = spawn("pulumi", [...args, "--non-interactive"], {
                cwd,
                env: { ...this.env, ...env },
                stdio: ["ignore", "pipe", "pipe"],
            });
            let said = "";
            const hear = (chunk: Buffer) => {
                said += chunk;
            };
            child.stdout.on("data", hear);
            child.stderr.on("data", hear);
            child.on("error", fail);
            child.on("close", (code) => done({ code, said }));
        });
    }

    /** Creates the stack. */
    async init(): Promise<void> {
        const scratch = join(this.folder, "scratch");
        mkdirSync(scratch);
        // The CLI writes a salt into the stack file of the folder it runs in, which is not to be the program's.
        writeFileSync(join(scratch, "Pulumi.yaml"), `name: ${this.project}\nruntime: nodejs\n`);
        const { code, said } = await this.execute(scratch, ["stack", "init", this.name, "--no-select"]);
        if (code !== 0) {
            throw new Error(said);
        }
    }

    /** Sets the stack's configuration, by key. */
    configure(config: Readonly<Record<string, unknown>>): void {
        const named = Object.entries(config).map(([key, value]) => [`${this.project}:${key}`, value]);
        writeFileSync(this.configFile, stringify({ config: Object.fromEntries(named) }));
    }

    /** Runs a verb, however it ends. */
    attempt(verb: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
        const stack = ["--stack", this.name, "--config-file", this.configFile];
        return this.execute(this.program, [verb, ...stack, ...(unattended[verb] ?? []), ...args], env);
    }

    /** Runs a verb. @returns what it said @throws Error with that unless it ends well */
    async run(verb: string, ...args: readonly string[]): Promise<string> {
        const { code, said } = await this.attempt(verb, args);
        if (code !== 0) {
            throw new Error(`pulumi ${verb} ${args.join(" ")} exited with ${code}\n${said}`);
        }
        return said;
    }

    /** The stack's state, secrets encrypted. */
    async state(): Promise<string> {
        const { code, said } = await this.execute(this.program, ["stack", "export", "--stack", this.name]);
        if (code !== 0) {
            throw new Error(said);
        }
        return said;
    }

    /** Forgets the stack; what it made has to be gone. */
    remove(): void {
        rmSync(this.folder, { recursive: true, force: true });
    }
}
