import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { EngineError } from "../errors";
import type { Project } from "../project";

function isExecutable(file: string): boolean {
    try {
        accessSync(file, constants.X_OK);
        return true;
    } catch {
        return false;
    }
}

/** A plugin of a package; without a version, the newest there is. */
export interface PluginName {
    readonly pkg: string;
    readonly version: string | undefined;
}

/**
 * Makes sure that there are plugins for all packages of a state, whose resources could otherwise neither be read nor
 * deleted: one error names all that are missing.
 *
 * @throws EngineError
 */
export function requirePlugins(project: Project, plugins: readonly PluginName[], env: NodeJS.ProcessEnv): void {
    const missing = plugins.filter(({ pkg, version }) => findProvider(project, pkg, version, env) === undefined);
    if (missing.length > 0) {
        const names = missing.map(({ pkg, version }) => (version === undefined ? pkg : `${pkg} ${version}`));
        throw new EngineError(
            `the stack has resources of ${[...new Set(names)].sort().join(", ")}, whose plugins are not on this machine, ` +
                `and the embedded engine fetches none: ${remedy}`,
        );
    }
}

const remedy = "install the Pulumi CLI (https://www.pulumi.com/docs/install), which does, and unset BGP_LAB_ENGINE";

/**
 * Finds the executable of a provider as the CLI does: `plugins.providers` of Pulumi.yaml, then PATH, then the plugin cache.
 *
 * @param version exact version wanted, or undefined for the newest there is
 * @throws EngineError naming all places that were searched
 */
export function locateProvider(
    project: Project,
    pkg: string,
    version: string | undefined,
    env: NodeJS.ProcessEnv,
): string {
    const found = findProvider(project, pkg, version, env);
    if (found !== undefined) {
        return found;
    }
    const binary = `pulumi-resource-${pkg}`;
    const declared = declaredProvider(project, pkg);
    if (declared !== undefined) {
        throw new EngineError(
            `provider ${pkg}: ${declared} is not there or not executable; it is named by plugins.providers in ${project.file}`,
        );
    }
    const wanted = version === undefined ? binary : `${binary} v${version}`;
    throw new EngineError(
        `provider ${pkg}: could not find ${wanted}; searched plugins.providers of ${project.file}, PATH and ${cacheOf(env)}; ` +
            `the embedded engine fetches no plugins: ${remedy}`,
    );
}

function findProvider(
    project: Project,
    pkg: string,
    version: string | undefined,
    env: NodeJS.ProcessEnv,
): string | undefined {
    const declared = declaredProvider(project, pkg);
    if (declared !== undefined) {
        return isExecutable(declared) ? declared : undefined;
    }
    const binary = `pulumi-resource-${pkg}`;
    const cache = cacheOf(env);
    const onPath = (env.PATH ?? "").split(delimiter).map((directory) => join(directory, binary));
    const cached = cachedVersions(cache, pkg, version).map((directory) => join(cache, directory, binary));
    return [...onPath, ...cached].find(isExecutable);
}

/** Where the project says that a provider is. */
function declaredProvider(project: Project, pkg: string): string | undefined {
    const declared = project.plugins.find(({ name }) => name === pkg);
    return declared && join(resolve(project.directory, declared.path), `pulumi-resource-${pkg}`);
}

function cacheOf(env: NodeJS.ProcessEnv): string {
    return join(env.PULUMI_HOME || join(homedir(), ".pulumi"), "plugins");
}

function cachedVersions(cache: string, pkg: string, version: string | undefined): string[] {
    if (!existsSync(cache)) {
        return [];
    }
    const prefix = `resource-${pkg}-v`;
    return readdirSync(cache)
        .filter((name) => name.startsWith(prefix) && !name.endsWith(".lock") && !name.endsWith(".partial"))
        .filter((name) => version === undefined || name === prefix + version)
        .sort((a, b) => b.localeCompare(a, "en", { numeric: true }));
}
