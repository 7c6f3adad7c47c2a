import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { expect } from "vitest";

/**
 * Compares text with a golden file; with UPDATE_GOLDEN=1 writes it instead.
 *
 * @param path path of the golden file
 * @param actual what the code under test produced
 */
export function expectGolden(path: string, actual: string): void {
    if (process.env.UPDATE_GOLDEN === "1") {
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, actual);
        return;
    }
    expect(existsSync(path), `${path} is missing; create it with UPDATE_GOLDEN=1`).toBe(true);
    expect(actual, `${path} differs; if the change is meant, regenerate with UPDATE_GOLDEN=1`).toBe(
        readFileSync(path, "utf8"),
    );
}
