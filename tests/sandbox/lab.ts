import { afterAll, beforeAll } from "vitest";
import type { Sandbox } from "../../provider/sandbox/protocol";
import { destroySandbox, startSandbox } from "../../provider/sandbox/start";

export { device, link, type Node, smallFabric, webPod, worker2Node, workerNode } from "./fixtures";

let count = 0;

/** A name that no other test uses. */
export function uniqueName(topic: string): string {
    return `test-${topic}-${process.pid}-${++count}`;
}

/** A sandbox for all tests of a file, which starts before the first and ends after the last. */
export function useSandbox(topic: string): () => Sandbox {
    const name = uniqueName(topic);
    let sandbox: Sandbox | undefined;
    beforeAll(async () => {
        sandbox = await startSandbox(name);
    });
    afterAll(() => destroySandbox(name));
    return () => {
        if (sandbox === undefined) {
            throw new Error("the sandbox is there only while the tests of its file run");
        }
        return sandbox;
    };
}

/** Runs a program in a namespace and gives its output; fails when it fails. */
export async function run(sandbox: Sandbox, namespace: string | undefined, ...argv: string[]): Promise<string> {
    const spec = namespace === undefined ? { argv } : { argv, namespace };
    const { results } = await sandbox.call("exec", { processes: [spec] });
    const [{ code, stdout, stderr }] = results as [(typeof results)[0]];
    if (code !== 0) {
        throw new Error(`${argv.join(" ")} ended with ${code}: ${stderr}`);
    }
    return stdout;
}

/** Polls until a condition holds. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, milliseconds = 5000): Promise<void> {
    const deadline = Date.now() + milliseconds;
    while (!(await holds())) {
        if (Date.now() > deadline) {
            throw new Error(`not within ${milliseconds} ms: ${what}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 5));
    }
}
