/** Versions of programs, as far as the lab compares them. */

/** Major and minor part of a version; NaN where there is no number. */
export function parts(version: string): readonly [major: number, minor: number] {
    const [major, minor] = version.replace(/^v/, "").split(".").map(Number);
    return [major ?? Number.NaN, minor ?? Number.NaN];
}

/** Whether a version is older than `major.minor`. */
export function isBefore(version: string, major: number, minor: number): boolean {
    const [ownMajor, ownMinor] = parts(version);
    return ownMajor < major || (ownMajor === major && ownMinor < minor);
}

/** Whether a version is older than one of three numbers. */
export function isOlder(version: string, than: readonly [major: number, minor: number, patch: number]): boolean {
    const own = version.replace(/^v/, "").split(".").map(Number);
    const at = than.findIndex((part, index) => part !== own[index]);
    return at >= 0 && own[at]! < than[at]!;
}
