import { parseArguments, stackFlag } from "../arguments";
import { breakLocks } from "../lock";
import { openSession } from "../session";
import type { Context } from "./context";

/** Removes the locks of a stack, for runs that died on another host; of this host they are taken over by themselves. */
export async function cancel(argv: readonly string[], context: Context): Promise<void> {
    const args = parseArguments(argv, [stackFlag, { name: "yes", short: "y", takesValue: false }]);
    const { backend, project, stack } = openSession(
        { stack: args.value("stack") ?? args.positional[0] },
        context.cwd,
        context.env,
    );
    const count = breakLocks(backend.lockDirectory(project.name, stack));
    context.stdout.write(
        count === 0
            ? `The stack ${stack} is not locked\n`
            : `The currently running update for '${stack}' has been canceled!\n`,
    );
}
