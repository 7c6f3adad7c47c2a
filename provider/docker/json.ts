/**
 * Takes apart JSON documents that were printed one after the other.
 *
 * @returns the parsed documents; nothing when there is anything else among them, or the last one is cut off
 */
export function jsonDocuments(text: string): readonly unknown[] | undefined {
    const documents: string[] = [];
    let start = 0;
    let depth = 0;
    for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]]/g)) {
        if (token === "{" || token === "[") {
            depth += 1;
        } else if (token === "}" || token === "]") {
            depth -= 1;
            if (depth === 0) {
                documents.push(text.slice(start, index + 1));
                start = index + 1;
            }
        }
    }
    if (depth !== 0 || text.slice(start).trim() !== "") {
        return undefined;
    }
    try {
        return documents.map((document) => JSON.parse(document) as unknown);
    } catch {
        return undefined;
    }
}
