import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { replaceFileSync } from "./files";
import type { Project } from "./project";

/** The CLI's file of what is selected in a project; one per path of Pulumi.yaml. */
function settingsFile(project: Project, env: NodeJS.ProcessEnv): string {
    const home = env.PULUMI_HOME || join(homedir(), ".pulumi");
    const hash = createHash("sha1").update(project.file).digest("hex");
    return join(home, "workspaces", `${project.name}-${hash}-workspace.json`);
}

function readSettings(file: string): Record<string, unknown> {
    return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>) : {};
}

/** The selected stack, if there is one. */
export function selectedStack(project: Project, env: NodeJS.ProcessEnv): string | undefined {
    const { stack } = readSettings(settingsFile(project, env));
    return typeof stack === "string" && stack !== "" ? stack.split("/").pop() : undefined;
}

/** Selects a stack, or none. */
export function selectStack(project: Project, env: NodeJS.ProcessEnv, stack: string | undefined): void {
    const file = settingsFile(project, env);
    const { stack: _, ...rest } = readSettings(file);
    const settings = stack === undefined ? rest : { ...rest, stack: `organization/${project.name}/${stack}` };
    replaceFileSync(file, JSON.stringify(settings));
}
