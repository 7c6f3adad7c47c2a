import type { Sandbox } from "./sandbox/protocol";
import { connectSandbox } from "./sandbox/start";

const connections = new Map<string, Promise<Sandbox | undefined>>();

/** The running sandbox of that name, or undefined. One connection per sandbox serves the whole run. */
export function findSandbox(name: string): Promise<Sandbox | undefined> {
    const known = connections.get(name);
    if (known) {
        return known;
    }
    const connection = connectSandbox(name).then((sandbox) => {
        if (!sandbox) {
            connections.delete(name);
        }
        return sandbox;
    });
    connection.catch(() => connections.delete(name));
    connections.set(name, connection);
    return connection;
}

/**
 * The running sandbox of that name.
 *
 * @throws Error when it is not running, with the way out
 */
export async function runningSandbox(name: string): Promise<Sandbox> {
    const sandbox = await findSandbox(name);
    if (!sandbox) {
        throw new Error(`the sandbox ${name} is not running; bring the lab back with \`up --refresh\``);
    }
    return sandbox;
}

/** Forgets the connection to a sandbox that ended. */
export async function forgetSandbox(name: string): Promise<void> {
    const connection = connections.get(name);
    connections.delete(name);
    (await connection)?.close();
}
