import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parse } from "yaml";
import { EngineError, exitCode, unsupported } from "./errors";

/** A provider that the project brings along (`plugins.providers`). */
export interface DeclaredPlugin {
    readonly name: string;
    /** Folder of the executable, relative to the project. */
    readonly path: string;
    readonly version?: string;
}

/** A configuration key as Pulumi.yaml declares it. */
export interface ConfigDeclaration {
    readonly type?: string;
    readonly items?: { readonly type?: string };
    readonly default?: unknown;
    readonly value?: unknown;
    readonly secret?: boolean;
}

/** What Pulumi.yaml says, as far as this engine uses it. */
export interface Project {
    readonly name: string;
    readonly file: string;
    readonly directory: string;
    /** Entry point relative to the project; undefined leaves it to package.json. */
    readonly main?: string;
    readonly typescript: boolean;
    readonly nodeargs: string;
    readonly plugins: readonly DeclaredPlugin[];
    readonly backendUrl?: string;
    /** Folder of the stack files, relative to the project. */
    readonly stackConfigDir?: string;
    /** Declared configuration by full key (`project:name`). */
    readonly config: ReadonlyMap<string, ConfigDeclaration>;
}

type Yaml = Record<string, unknown>;

const fileNames = ["Pulumi.yaml", "Pulumi.yml", "Pulumi.json"];

/**
 * Reads the project of a directory, or of the nearest one above it.
 *
 * @throws EngineError if there is none, or it asks for something that this engine does not do
 */
export function loadProject(directory: string): Project {
    const file = findProject(resolve(directory));
    const yaml = parse(readFileSync(file, "utf8")) as Yaml | null;
    const name = yaml?.name;
    if (yaml === null || typeof name !== "string" || name === "") {
        throw new EngineError(`${file}: project is missing a 'name' attribute`, exitCode.configuration);
    }
    const { runtime, options } = runtimeOf(yaml, file);
    if (runtime !== "nodejs") {
        throw unsupported(`the runtime ${runtime} of ${file} (only nodejs is)`);
    }
    refuseProjectFeatures(yaml, options, file);
    return {
        name,
        file,
        directory: dirname(file),
        main: text(yaml.main),
        typescript: options.typescript !== false,
        nodeargs: text(options.nodeargs) ?? "",
        plugins: pluginsOf(yaml, file),
        backendUrl: text((yaml.backend as Yaml | undefined)?.url),
        stackConfigDir: text(yaml.stackConfigDir),
        config: configOf(yaml, name),
    };
}

function text(value: unknown): string | undefined {
    return typeof value === "string" ? value : undefined;
}

function findProject(start: string): string {
    for (let directory = start; ; directory = dirname(directory)) {
        const found = fileNames.map((name) => join(directory, name)).find(existsSync);
        if (found !== undefined) {
            return found;
        }
        if (directory === dirname(directory)) {
            throw new EngineError(
                `no Pulumi.yaml project file found (searching upwards from ${start}). Run this in a project's directory, or name one with --cwd.`,
                exitCode.configuration,
            );
        }
    }
}

function runtimeOf(yaml: Yaml, file: string): { runtime: string; options: Yaml } {
    const { runtime } = yaml;
    if (typeof runtime === "string") {
        return { runtime, options: {} };
    }
    const { name, options } = (runtime ?? {}) as { name?: unknown; options?: unknown };
    if (typeof name !== "string") {
        throw new EngineError(`${file}: project is missing a 'runtime' attribute`, exitCode.configuration);
    }
    return { runtime: name, options: (options ?? {}) as Yaml };
}

function refuseProjectFeatures(yaml: Yaml, options: Yaml, file: string): void {
    const plugins = (yaml.plugins ?? {}) as Yaml;
    const used: [unknown, string][] = [
        [plugins.languages, "plugins.languages"],
        [plugins.analyzers, "plugins.analyzers"],
        [yaml.packages, "packages"],
        [options.tsconfig, "runtime.options.tsconfig"],
        [(yaml.options as Yaml | undefined)?.refresh, "options.refresh"],
    ];
    const [, what] = used.find(([value]) => value !== undefined && value !== null) ?? [];
    if (what !== undefined) {
        throw unsupported(`\`${what}\` of ${file}`);
    }
}

function pluginsOf(yaml: Yaml, file: string): DeclaredPlugin[] {
    const providers = ((yaml.plugins ?? {}) as Yaml).providers ?? [];
    return (providers as Yaml[]).map(({ name, path, version }) => {
        if (typeof name !== "string" || typeof path !== "string") {
            throw new EngineError(`${file}: each of plugins.providers needs a name and a path`, exitCode.configuration);
        }
        return { name, path, version: text(version) };
    });
}

function configOf(yaml: Yaml, project: string): Map<string, ConfigDeclaration> {
    const result = new Map<string, ConfigDeclaration>();
    for (const [key, declared] of Object.entries((yaml.config ?? {}) as Yaml)) {
        const isDeclaration = typeof declared === "object" && declared !== null && !Array.isArray(declared);
        const declaration = isDeclaration ? (declared as ConfigDeclaration) : { value: declared };
        result.set(key.includes(":") ? key : `${project}:${key}`, declaration);
    }
    return result;
}
