import { resolve } from "node:path";
import { commonFlags } from "./arguments";
import { EngineError, exitCode, messageOf, Reported, unsupported } from "./errors";
import { listenForInterrupts } from "./interrupts";
import type { Context } from "./verbs/context";
import { version } from "./version";

type Verb = (argv: readonly string[], context: Context) => Promise<void>;

/** Verbs, each loaded only when it is asked for: most of them need neither gRPC nor YAML. */
const verbs: Readonly<Record<string, () => Promise<Verb>>> = {
    preview: async () => (await import("./verbs/preview.js")).preview,
    up: async () => (await import("./verbs/up.js")).up,
    refresh: async () => (await import("./verbs/refresh.js")).refresh,
    destroy: async () => (await import("./verbs/destroy.js")).destroy,
    cancel: async () => (await import("./verbs/cancel.js")).cancel,
    stack: async () => (await import("./verbs/stack.js")).stack,
    config: async () => (await import("./verbs/config.js")).config,
};

const aliases: Readonly<Record<string, string>> = {
    pre: "preview",
    update: "up",
    down: "destroy",
    dn: "destroy",
    cfg: "config",
};

/** Verbs of the CLI that this engine does not have. */
const others =
    "about ai api console convert deployment env import install login logout logs new org package plugin policy project query schema state template watch whoami".split(
        " ",
    );

const usage = `Embedded Pulumi engine (follows ${version} of the CLI; docs/engine.md)

Usage: pulumi <verb> [flags]

  preview   show what an update would do          --diff --json --refresh --expect-no-changes
  up        bring the stack in line               --yes --skip-preview --refresh --parallel N
  refresh   bring the record in line              --yes --skip-preview
  destroy   delete everything                     --yes --skip-preview
  cancel    remove the lock of a run that died
  stack     ls, init, select, output, export, rm
  config    get, set [--secret] [--path], rm

Flags of all verbs: --stack/-s NAME  --cwd/-C DIRECTORY  --non-interactive
`;

async function main(argv: readonly string[]): Promise<void> {
    const { verb, rest } = splitVerb(argv);
    if (verb === undefined || verb === "help" || verb === "--help" || verb === "-h") {
        process.stdout.write(usage);
        return;
    }
    if (verb === "version" || verb === "--version") {
        process.stdout.write(`${version}\n`);
        return;
    }
    const load = verbs[aliases[verb] ?? verb];
    if (load === undefined) {
        if (others.includes(verb)) {
            throw unsupported(`the verb ${verb}`);
        }
        throw new EngineError(`unknown command "${verb}" for "pulumi"`);
    }
    if (rest.includes("--help") || rest.includes("-h")) {
        process.stdout.write(usage);
        return;
    }
    await (await load())(rest, contextOf(rest));
}

/** Common flags may stand before the verb. */
function splitVerb(argv: readonly string[]): { verb: string | undefined; rest: string[] } {
    const before: string[] = [];
    const rest = [...argv];
    while (rest[0]?.startsWith("-") && !["--help", "-h", "--version"].includes(rest[0])) {
        const argument = rest.shift()!;
        before.push(argument);
        const flag = commonFlags.find(({ name, short }) => argument === `--${name}` || argument === `-${short}`);
        if (flag?.takesValue && rest.length > 0) {
            before.push(rest.shift()!);
        }
    }
    return { verb: rest[0], rest: [...rest.slice(1), ...before] };
}

function contextOf(argv: readonly string[]): Context {
    const stderr = (line: string) => void process.stderr.write(`${line}\n`);
    const terminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
    return {
        cwd: resolve(directoryFlag(argv) ?? "."),
        env: process.env,
        stdout: process.stdout,
        stderr,
        interactive: terminal && !argv.includes("--non-interactive") && process.env.CI === undefined,
        interrupts: listenForInterrupts(stderr),
    };
}

function directoryFlag(argv: readonly string[]): string | undefined {
    const at = argv.findIndex((argument) => argument === "--cwd" || argument === "-C");
    return at >= 0 ? argv[at + 1] : argv.find((argument) => argument.startsWith("--cwd="))?.slice("--cwd=".length);
}

// A reader that goes away (`| head`) must not end a run in the middle of a step.
for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", () => undefined);
}

/** Ends the process once all it wrote has been read: what is still on its way into a pipe would be lost. */
function exit(code: number): void {
    process.stdout.write("", () => process.stderr.write("", () => process.exit(code)));
}

main(process.argv.slice(2)).then(
    () => exit(0),
    (error) => {
        if (!(error instanceof Reported)) {
            process.stderr.write(`error: ${messageOf(error)}\n`);
        }
        exit(error instanceof EngineError ? error.code : exitCode.failure);
    },
);
