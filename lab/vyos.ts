/** Releases of VyOS, as far as their configuration syntax differs. */

/** Series of releases with one syntax: 1.2 crux, 1.3 equuleus, 1.4 sagitta, 1.5 circinus. */
export type VyosSeries = "1.2" | "1.3" | "1.4" | "1.5";

/** The release whose syntax a router gets that names none: the newest with long-term support. */
export const defaultVyosVersion = "1.4.0";

/**
 * The series that a version belongs to, e.g. `1.2.8`, `1.4`, `1.5-rolling-202410210007`, or `current`.
 *
 * @returns undefined for a version that no known series has
 */
export function vyosSeries(version: string = defaultVyosVersion): VyosSeries | undefined {
    const numbered = /^(1\.[2-5])(?![0-9])/.exec(version)?.[1];
    if (numbered !== undefined) {
        return numbered as VyosSeries;
    }
    // Streams are named by year and month since 2025; they and the nightly builds carry the syntax of 1.5.
    return /^(current|rolling|20[2-9][0-9]\.[01][0-9])(?![0-9])/.test(version) ? "1.5" : undefined;
}
