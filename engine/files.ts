import {
    closeSync,
    promises as fs,
    fsyncSync,
    mkdirSync,
    openSync,
    readdirSync,
    renameSync,
    rmSync,
    writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";

let counter = 0;

function temporary(path: string): string {
    counter += 1;
    return `${path}.${process.pid}.${counter}.tmp`;
}

/** Removes what runs that were killed while they wrote a file have left beside it. */
export function removePartialFiles(path: string): void {
    const directory = dirname(path);
    for (const name of readdirSync(directory)) {
        if (name.startsWith(`${basename(path)}.`) && name.endsWith(".tmp")) {
            rmSync(join(directory, name), { force: true });
        }
    }
}

/** Replaces a file so that a reader, or a crash at any moment, finds either the old or the new contents, never a part. */
export async function replaceFile(path: string, parts: readonly Uint8Array[]): Promise<void> {
    const partial = temporary(path);
    const file = await fs.open(partial, "w", 0o600);
    try {
        await file.writev(parts as Uint8Array[]);
        await file.sync();
    } finally {
        await file.close();
    }
    await fs.rename(partial, path);
}

/** The same, at once, for small files. */
export function replaceFileSync(path: string, text: string, mode = 0o644): void {
    mkdirSync(dirname(path), { recursive: true });
    const partial = temporary(path);
    const file = openSync(partial, "w", mode);
    try {
        writeFileSync(file, text);
        fsyncSync(file);
    } finally {
        closeSync(file);
    }
    renameSync(partial, path);
}
