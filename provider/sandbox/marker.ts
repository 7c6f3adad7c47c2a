/** The argument by which a sandbox is found among all processes of the machine. */

const prefix = "bgp-lab-sandbox=";

/** Longest name of a sandbox. */
const longestName = 200;

/**
 * The argument that marks the processes of a sandbox.
 *
 * @throws Error when the name is no name of a sandbox
 */
export function marker(name: string): string {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name) || name.length > longestName) {
        throw new Error(
            `"${name}" is no sandbox name: up to ${longestName} letters, digits, ".", "_" and "-", a letter or digit first`,
        );
    }
    return prefix + name;
}

/** Name of the sandbox in its marker, or undefined when the text is no marker. */
export function readMarker(text: string): string | undefined {
    return text.startsWith(prefix) ? text.slice(prefix.length) : undefined;
}
