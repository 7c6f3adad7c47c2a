import { rmSync } from "node:fs";
import { type Arguments, type Flag, parseArguments, stackFlag } from "../arguments";
import { createStack, listStacks, readCheckpoint, removeStack } from "../backend";
import { blind, reveal } from "../display/values";
import { EngineError, exitCode, unsupported } from "../errors";
import { replaceFileSync } from "../files";
import { acquireLock } from "../lock";
import { loadState, openProject, openSession, stackName } from "../session";
import { serializeResource, stackOutputs } from "../state";
import { nameOf, typeOf } from "../urn";
import type { PropertyMap } from "../values";
import { selectedStack, selectStack } from "../workspace";
import type { Context } from "./context";

const flag = (name: string, short?: string): Flag => ({ name, short, takesValue: false });
const showSecrets = flag("show-secrets");
const json = flag("json", "j");

type Verb = (args: Arguments, context: Context) => Promise<void>;

const verbs: Readonly<Record<string, { flags: readonly Flag[]; run: Verb }>> = {
    ls: { flags: [json], run: list },
    init: { flags: [stackFlag, flag("no-select")], run: init },
    select: { flags: [stackFlag, flag("create", "c")], run: select },
    output: { flags: [stackFlag, json, showSecrets, flag("shell")], run: output },
    export: { flags: [stackFlag, showSecrets, { name: "file", takesValue: true }], run: exportState },
    rm: { flags: [stackFlag, flag("yes", "y"), flag("force", "f"), flag("preserve-config")], run: remove },
};

const others = ["change-secrets-provider", "graph", "history", "import", "rename", "tag", "unselect"];

/** Works with stacks; without a further verb, shows the current one. */
export async function stack(argv: readonly string[], context: Context): Promise<void> {
    const [name, ...rest] = argv;
    if (name === undefined || name.startsWith("-")) {
        await show(
            parseArguments(argv, [
                stackFlag,
                showSecrets,
                flag("show-ids", "i"),
                flag("show-name"),
                flag("show-urns", "u"),
            ]),
            context,
        );
        return;
    }
    const verb = verbs[name];
    if (verb === undefined) {
        throw others.includes(name)
            ? unsupported(`the verb stack ${name}`)
            : new EngineError(`unknown command "${name}" for "pulumi stack"`);
    }
    await verb.run(parseArguments(rest, verb.flags), context);
}

async function show(args: Arguments, context: Context): Promise<void> {
    const session = openSession({ stack: args.value("stack") }, context.cwd, context.env);
    const print = (line: string) => void context.stdout.write(`${line}\n`);
    if (args.flag("show-name")) {
        print(session.stack);
        return;
    }
    const { resources } = await loadState(session);
    print(`Current stack is ${session.stack}:`);
    print(`    Managed in ${session.backend.directory}`);
    print(`Current stack resources (${resources.length}):`);
    for (const { urn, id } of resources) {
        print(
            `    ${typeOf(urn)}  ${nameOf(urn)}${args.flag("show-ids") && id ? `  ${id}` : ""}${args.flag("show-urns") ? `  ${urn}` : ""}`,
        );
    }
    const outputs = stackOutputs(resources) ?? {};
    print(`Current stack outputs (${Object.keys(outputs).length}):`);
    printOutputs(outputs, args.flag("show-secrets"), context);
}

async function list(args: Arguments, { cwd, env, stdout }: Context): Promise<void> {
    const { project, backend } = openProject(cwd, env);
    const selected = selectedStack(project, env);
    const stacks = listStacks(backend, project.name).map((name) => {
        const latest = readCheckpoint(backend, project.name, name).checkpoint.latest;
        return {
            name,
            current: name === selected,
            ...(latest === undefined ? {} : { lastUpdate: latest.manifest.time }),
            resourceCount: latest?.resources?.length ?? 0,
        };
    });
    if (args.flag("json")) {
        stdout.write(`${JSON.stringify(stacks, null, 2)}\n`);
        return;
    }
    const width = Math.max(6, ...stacks.map(({ name }) => name.length + 2));
    stdout.write(`${"NAME".padEnd(width)}LAST UPDATE               RESOURCE COUNT\n`);
    for (const { name, current, lastUpdate, resourceCount } of stacks) {
        stdout.write(
            `${(current ? `${name}*` : name).padEnd(width)}${(lastUpdate ?? "n/a").padEnd(26)}${resourceCount}\n`,
        );
    }
}

async function init(args: Arguments, { cwd, env, stdout }: Context): Promise<void> {
    const { project, backend } = openProject(cwd, env);
    const name = stackName(args.positional[0] ?? args.value("stack"), project);
    createStack(backend, project.name, name);
    if (!args.flag("no-select")) {
        selectStack(project, env, name);
    }
    stdout.write(`Created stack '${name}'\n`);
}

async function select(args: Arguments, { cwd, env }: Context): Promise<void> {
    const { project, backend } = openProject(cwd, env);
    const name = stackName(args.positional[0] ?? args.value("stack"), project);
    if (!listStacks(backend, project.name).includes(name)) {
        if (!args.flag("create")) {
            throw new EngineError(`no stack named '${name}' found`, exitCode.stackNotFound);
        }
        createStack(backend, project.name, name);
    }
    selectStack(project, env, name);
}

async function output(args: Arguments, context: Context): Promise<void> {
    const session = openSession({ stack: args.value("stack") }, context.cwd, context.env);
    const outputs = stackOutputs((await loadState(session)).resources) ?? {};
    const name = args.positional[0];
    const clear = args.flag("show-secrets");
    if (args.flag("shell")) {
        throw unsupported("stack output --shell");
    }
    if (name === undefined) {
        if (args.flag("json")) {
            context.stdout.write(`${JSON.stringify(clear ? reveal(outputs) : blind(outputs), null, 2)}\n`);
        } else {
            printOutputs(outputs, clear, context);
        }
        return;
    }
    const value = outputs[name];
    if (value === undefined) {
        throw new EngineError(`current stack does not have output property '${name}'`);
    }
    // A single output is asked for to be used; the CLI shows it, secret or not, only with --show-secrets too.
    const shown = clear ? reveal(value) : blind(value);
    const text =
        typeof shown === "string" && !args.flag("json")
            ? shown
            : JSON.stringify(shown, null, args.flag("json") ? 2 : 0);
    context.stdout.write(`${text}\n`);
}

function printOutputs(outputs: PropertyMap, clear: boolean, { stdout }: Context): void {
    const names = Object.keys(outputs).sort();
    const width = Math.max(6, ...names.map((name) => name.length)) + 2;
    if (names.length > 0) {
        stdout.write(`    ${"OUTPUT".padEnd(width)}VALUE\n`);
    }
    for (const name of names) {
        const value = clear ? reveal(outputs[name]!) : blind(outputs[name]!);
        stdout.write(`    ${name.padEnd(width)}${typeof value === "string" ? value : JSON.stringify(value)}\n`);
    }
}

/** Prints the deployment as `pulumi stack import` of the CLI reads it. */
async function exportState(args: Arguments, context: Context): Promise<void> {
    const session = openSession({ stack: args.value("stack") }, context.cwd, context.env);
    const { version, checkpoint } = readCheckpoint(session.backend, session.project.name, session.stack);
    let deployment: unknown = checkpoint.latest ?? {};
    if (args.flag("show-secrets")) {
        const { resources, operations } = await loadState(session);
        const pending = operations.map(({ resource, type }) => ({
            resource: serializeResource(resource, "show"),
            type,
        }));
        deployment = {
            ...checkpoint.latest,
            resources: resources.map((state) => serializeResource(state, "show")),
            ...(pending.length === 0 ? {} : { pending_operations: pending }),
        };
    }
    const text = `${JSON.stringify({ version, deployment }, null, 4)}\n`;
    const file = args.value("file");
    if (file === undefined) {
        context.stdout.write(text);
    } else {
        replaceFileSync(file, text, 0o600);
    }
}

async function remove(args: Arguments, context: Context): Promise<void> {
    const session = openSession({ stack: args.positional[0] ?? args.value("stack") }, context.cwd, context.env);
    const { backend, project, stack: name } = session;
    if (!args.flag("yes")) {
        throw new EngineError("--yes must be passed in to remove a stack with the embedded engine");
    }
    const lock = acquireLock(backend.lockDirectory(project.name, name));
    try {
        const { resources } = await loadState(session);
        if (resources.length > 0 && !args.flag("force")) {
            throw new EngineError(
                `'${name}' still has resources; removal rejected. Possible actions:\n- Make sure that '${name}' is the stack that you want to destroy\n- Run \`pulumi destroy\` to delete the resources, then run \`pulumi stack rm\`\n- Run \`pulumi stack rm --force\` to override this error`,
            );
        }
        removeStack(backend, project.name, name);
        if (!args.flag("preserve-config")) {
            rmSync(session.stackFile.path, { force: true });
        }
        if (selectedStack(project, context.env) === name) {
            selectStack(project, context.env, undefined);
        }
    } finally {
        lock.release();
    }
    context.stdout.write(`Stack '${name}' has been removed!\n`);
}
