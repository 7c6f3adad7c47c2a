import type { ExecResult } from "../sandbox/protocol";
import type { Engine } from "./engine";
import type { Shell } from "./exec";

/** Commands in containers, each container through a shell of its own that stays open. */
export interface Shells {
    /**
     * Runs a command in a container.
     *
     * @param lane which of the container's shells; commands in one shell wait for each other @default 0
     * @param timeoutMilliseconds how long the command may take @default 10000
     */
    run(
        container: string,
        argv: readonly string[],
        options?: { readonly lane?: number; readonly timeoutMilliseconds?: number },
    ): Promise<ExecResult>;
    close(): void;
}

/** Opens shells when they are first needed, and again after they broke: a restarted container ends them. */
export function shellsOf(engine: Pick<Engine, "shell">): Shells {
    const open = new Map<string, Promise<Shell>>();
    const end = (shell: Promise<Shell>) =>
        shell.then(
            (opened) => opened.close(),
            () => {},
        );

    return {
        async run(container, argv, { lane = 0, timeoutMilliseconds } = {}) {
            const key = `${container} ${lane}`;
            const shell = open.get(key) ?? engine.shell(container);
            open.set(key, shell);
            try {
                return await (await shell).run(argv, timeoutMilliseconds);
            } catch (error) {
                if (open.get(key) === shell) {
                    open.delete(key);
                }
                end(shell);
                throw error;
            }
        },
        close() {
            for (const shell of open.values()) {
                end(shell);
            }
            open.clear();
        },
    };
}

/** What a failed command has to say, shortened: its errors, or else its output. */
export function complaint({ code, stdout, stderr }: ExecResult): string {
    const said = (stderr.trim() || stdout.trim()).split("\n").slice(-3).join("; ");
    return said === "" ? `exit code ${code}` : said.slice(0, 500);
}
