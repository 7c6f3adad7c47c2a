import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Artifact, artifacts } from "../render/artifacts";
import { options } from "./options";
import { planned } from "./planned";

/**
 * Writes all texts that a stack's lab becomes, from its file alone: configurations of its routers for FRR, VyOS and
 * IOS-XE, and what its cluster gets. Without `--out` they are printed. Nothing is deployed or asked; passwords, which only
 * a deployed lab has, are locked.
 */
export async function run(args: string[]): Promise<number> {
    const { stack, out } = options(args, { out: { type: "string" } });
    const made = artifacts(planned(stack).lab);
    if (out === undefined || out === "") {
        process.stdout.write(made.map(printed).join("\n"));
        return 0;
    }
    for (const each of made) {
        console.log(each.kind === "file" ? join(out, each.path) : `left out: ${each.path}: ${each.reason}`);
        if (each.kind === "file") {
            write(join(out, each.path), each.text);
        }
    }
    return 0;
}

function printed(artifact: Artifact): string {
    return artifact.kind === "file"
        ? `==> ${artifact.path} <==\n${artifact.text}`
        : `==> ${artifact.path} is left out: ${artifact.reason} <==\n`;
}

function write(path: string, text: string): void {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
}
