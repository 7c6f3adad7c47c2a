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
    const binary = `pulumi-resource-${pkg}`;
    const declared = project.plugins.find(({ name }) => name === pkg);
    if (declared !== undefined) {
        const file = join(resolve(project.directory, declared.path), binary);
        if (!isExecutable(file)) {
            throw new EngineError(
                `provider ${pkg}: ${file} is not there or not executable; it is named by plugins.providers in ${project.file}`,
            );
        }
        return file;
    }
    const onPath = (env.PATH ?? "").split(delimiter).map((directory) => join(directory, binary));
    const cache = join(env.PULUMI_HOME || join(homedir(), ".pulumi"), "plugins");
    const cached = cachedVersions(cache, pkg, version).map((directory) => join(cache, directory, binary));
    const found = [...onPath, ...cached].find(isExecutable);
    if (found === undefined) {
        const wanted = version === undefined ? binary : `${binary} v${version}`;
        throw new EngineError(
            `provider ${pkg}: could not find ${wanted}; searched plugins.providers of ${project.file}, PATH and ${cache}`,
        );
    }
    return found;
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
