import { type Arguments, type Flag, parseArguments, stackFlag } from "../arguments";
import { asText, type ConfigValue, crypterOf, fullKey, hasSecure, mapSecure, type StackFile } from "../config";
import { EngineError, exitCode, unsupported } from "../errors";
import type { Project } from "../project";
import { parsePath } from "../propertyPath";
import { loadState, openSession, type Session, stateKeys } from "../session";
import type { Context } from "./context";

const flag = (name: string, short?: string): Flag => ({ name, short, takesValue: false });
const file: Flag = { name: "config-file", takesValue: true };
const path = flag("path");
const json = flag("json", "j");

type Verb = (args: Arguments, session: Session, context: Context) => Promise<void>;

const verbs: Readonly<Record<string, { flags: readonly Flag[]; run: Verb }>> = {
    get: { flags: [path, json], run: get },
    set: { flags: [path, flag("secret"), flag("plaintext"), { name: "type", takesValue: true }], run: set },
    rm: { flags: [path], run: remove },
};

const others = ["cp", "env", "refresh", "rm-all", "set-all"];

/** Works with the configuration of a stack; without a further verb, lists it. */
export async function config(argv: readonly string[], context: Context): Promise<void> {
    const [name, ...rest] = argv;
    const isList = name === undefined || name.startsWith("-");
    const verb = isList ? { flags: [flag("show-secrets"), json], run: list } : verbs[name];
    if (verb === undefined) {
        throw others.includes(name!)
            ? unsupported(`the verb config ${name}`)
            : new EngineError(`unknown command "${name}" for "pulumi config"`);
    }
    const args = parseArguments(isList ? argv : rest, [...verb.flags, stackFlag, file]);
    const session = openSession(
        { stack: args.value("stack"), configFile: args.value("config-file") },
        context.cwd,
        context.env,
    );
    await verb.run(args, session, context);
}

async function list(args: Arguments, { project, stackFile, keyring }: Session, { stdout }: Context): Promise<void> {
    const entries = Object.entries(withDefaults(project, stackFile)).sort(([a], [b]) => (a < b ? -1 : 1));
    const clear = args.flag("show-secrets") && entries.some(([, value]) => hasSecure(value));
    const crypter = clear ? await crypterOf(stackFile, keyring) : undefined;
    const shown = entries.map(([key, value]): [string, string, boolean] => {
        const secret = hasSecure(value);
        const text = asText(mapSecure(value, crypter?.decrypt ?? (() => "[secret]")));
        return [key, text, secret];
    });
    if (args.flag("json")) {
        const object = Object.fromEntries(
            shown.map(([key, text, secret]) => [key, { ...(secret && !clear ? {} : { value: text }), secret }]),
        );
        stdout.write(`${JSON.stringify(object, null, 2)}\n`);
        return;
    }
    const short = shown.map(([key, text]) => [displayKey(key, project), text] as const);
    const width = Math.max(3, ...short.map(([key]) => key.length)) + 2;
    stdout.write(`${"KEY".padEnd(width)}VALUE\n`);
    for (const [key, text] of short) {
        stdout.write(`${key.padEnd(width)}${text}\n`);
    }
}

function displayKey(key: string, project: Project): string {
    return key.startsWith(`${project.name}:`) ? key.slice(project.name.length + 1) : key;
}

function withDefaults(project: Project, stackFile: StackFile): Record<string, ConfigValue> {
    const declared = [...project.config].map(([key, { value, default: fallback }]) => [key, value ?? fallback]);
    const known = declared.filter(([, value]) => value !== undefined);
    return { ...(Object.fromEntries(known) as Record<string, ConfigValue>), ...stackFile.config };
}

/** A key, or with --path a path whose first part is the key. */
function keyPath(args: Arguments, project: Project): (string | number)[] {
    const key = args.positional[0];
    if (key === undefined) {
        throw new EngineError("missing argument: the configuration key", exitCode.configuration);
    }
    if (!args.flag("path")) {
        return [fullKey(key, project.name)];
    }
    const separator = /^[^.["]*:/.exec(key)?.[0] ?? "";
    const [first, ...rest] = parsePath(key.slice(separator.length));
    return [fullKey(separator + String(first), project.name), ...rest];
}

function valueAt(values: Record<string, ConfigValue>, keys: readonly (string | number)[]): ConfigValue | undefined {
    return keys.reduce<ConfigValue | undefined>(
        (value, key) =>
            typeof value === "object" && value !== null
                ? (value as Record<string | number, ConfigValue>)[key]
                : undefined,
        values,
    );
}

async function get(
    args: Arguments,
    { project, stackFile, keyring, stack }: Session,
    { stdout }: Context,
): Promise<void> {
    const keys = keyPath(args, project);
    const value = valueAt(withDefaults(project, stackFile), keys);
    if (value === undefined) {
        throw new EngineError(`configuration key '${args.positional[0]}' not found for stack '${stack}'`);
    }
    const secret = hasSecure(value);
    const clear = secret ? mapSecure(value, (await crypterOf(stackFile, keyring)).decrypt) : value;
    const text = asText(clear);
    stdout.write(
        args.flag("json") ? `${JSON.stringify({ name: keys[0], value: text, secret }, null, 2)}\n` : `${text}\n`,
    );
}

async function set(args: Arguments, session: Session): Promise<void> {
    const { project, stackFile } = session;
    const keys = keyPath(args, project);
    const text = args.positional[1] ?? (await readInput());
    if (args.value("type") !== undefined) {
        throw unsupported("config set --type");
    }
    if (!args.flag("secret")) {
        stackFile.set(keys, args.flag("path") ? typed(text) : text);
        stackFile.save();
        return;
    }
    // The state's key where the file names none, so that a stack has one passphrase, and a wrong one is noticed here.
    const crypter = await stateKeys(session, await loadState(session)).crypter();
    stackFile.set(keys, { secure: crypter.encrypt(text) });
    if (stackFile.salt === undefined) {
        stackFile.setSalt(crypter.salt);
    }
    stackFile.save();
}

/** With --path the CLI gives booleans and numbers their type. */
function typed(text: string): ConfigValue {
    if (text === "true" || text === "false") {
        return text === "true";
    }
    return /^(0|-?[1-9]\d{0,14})$/.test(text) ? Number(text) : text;
}

/** A value that is not on the command line is read from standard input, so that secrets need not appear in a shell's history. */
async function readInput(): Promise<string> {
    if (process.stdin.isTTY) {
        throw new EngineError("missing argument: the value (it can also be piped in)", exitCode.configuration);
    }
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) {
        chunks.push(chunk as Buffer);
    }
    return Buffer.concat(chunks)
        .toString("utf8")
        .replace(/\r?\n$/, "");
}

/** Like the CLI, is content if there is nothing to remove. */
async function remove(args: Arguments, { project, stackFile }: Session): Promise<void> {
    const keys = keyPath(args, project);
    if (valueAt(stackFile.config, keys) !== undefined) {
        stackFile.set(keys, undefined);
        stackFile.save();
    }
}
