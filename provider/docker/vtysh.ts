import type { FrrShow } from "../daemons/frr-reads";
import type { ExecResult } from "../sandbox/protocol";
import { jsonDocuments } from "./json";
import { complaint } from "./shells";

interface Waiting {
    readonly command: string;
    readonly done: (answer: unknown) => void;
    readonly fail: (error: Error) => void;
}

/**
 * FRR's show commands through vtysh. A vtysh takes 20 ms to start, so commands that are asked at once share one.
 *
 * @param run runs a program where FRR runs
 * @param who for messages, e.g. `FRR of router0`
 */
export function vtysh(run: (argv: readonly string[]) => Promise<ExecResult>, who: string): FrrShow {
    let queue: Waiting[] = [];

    async function ask(batch: readonly Waiting[]): Promise<void> {
        const result = await run(["vtysh", ...batch.flatMap(({ command }) => ["-c", command])]);
        const answers = result.code === 0 ? jsonDocuments(result.stdout) : undefined;
        if (answers?.length === batch.length) {
            batch.forEach(({ done }, index) => {
                done(answers[index]);
            });
        } else if (batch.length > 1) {
            // One of the commands spoilt it: alone, each says for itself what is wrong.
            await Promise.all(batch.map((one) => settle([one])));
        } else {
            batch[0]?.fail(new Error(`${who} answered "${batch[0].command}" with: ${complaint(result)}`));
        }
    }

    async function settle(batch: readonly Waiting[]): Promise<void> {
        try {
            await ask(batch);
        } catch (error) {
            for (const { fail } of batch) {
                fail(error as Error);
            }
        }
    }

    return {
        json: (command) =>
            new Promise((done, fail) => {
                queue.push({ command, done, fail });
                if (queue.length === 1) {
                    setImmediate(() => {
                        const batch = queue;
                        queue = [];
                        void settle(batch);
                    });
                }
            }),
    };
}
