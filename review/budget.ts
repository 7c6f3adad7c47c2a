/** Makes text as long as there is room for: what matters least is left out first. */

/** A piece of text that can leave out its last items. */
export interface Piece {
    /** What is given up first has the highest rank. */
    readonly rank: number;
    /** Number of items. */
    readonly items: number;
    /** Whether it follows another such piece without an empty line between them. @default false */
    readonly tight?: boolean;
    /** The piece with its first items only; says what it leaves out. Longer with more items. */
    readonly render: (items: number) => string;
}

/**
 * Renders sections of pieces so that all together stay within a budget: by rank, each piece gets as many items as there
 * is room for when all others have none.
 *
 * @returns one text per section; those at the end that have no room even without any items are missing
 */
export function fitted(sections: readonly (readonly Piece[])[], budget: number): readonly string[] {
    const kept = withRoom(sections, budget);
    const all = kept.flat();
    const texts = new Map(all.map((piece) => [piece, piece.render(0)]));
    let room = budget - kept.reduce((sum, section) => sum + lengthOf(section, texts), 0);
    for (const piece of [...all].sort((a, b) => a.rank - b.rank)) {
        const [least, available] = [texts.get(piece)!, room];
        const best = longest(piece, least.length + available);
        if (best !== undefined) {
            texts.set(piece, best);
            room -= best.length - least.length;
        }
    }
    return kept.map((section) => joined(section, texts));
}

function withRoom(sections: readonly (readonly Piece[])[], budget: number): readonly (readonly Piece[])[] {
    const least = sections.map((section) =>
        lengthOf(section, new Map(section.map((piece) => [piece, piece.render(0)]))),
    );
    let used = 0;
    const end = least.findIndex((length) => {
        used += length;
        return used > budget;
    });
    return end < 0 ? sections : sections.slice(0, end);
}

function joined(section: readonly Piece[], texts: ReadonlyMap<Piece, string>): string {
    const shown = section.filter((piece) => texts.get(piece) !== "");
    return shown
        .map((piece, place) => {
            const isTight = piece.tight === true && shown[place + 1]?.tight === true;
            return `${texts.get(piece)!}\n${isTight ? "" : "\n"}`;
        })
        .join("");
}

/** An upper bound of a section's length: an empty piece takes no separator. */
function lengthOf(section: readonly Piece[], texts: ReadonlyMap<Piece, string>): number {
    return section.reduce((sum, piece) => sum + texts.get(piece)!.length + 2, 0);
}

/** The piece with as many items as fit; nothing when none does. */
function longest(piece: Piece, most: number): string | undefined {
    let [low, high] = [0, piece.items];
    let best: string | undefined;
    while (low <= high) {
        const middle = Math.ceil((low + high) / 2);
        const text = piece.render(middle);
        if (text.length <= most) {
            best = text;
            low = middle + 1;
        } else {
            high = middle - 1;
        }
    }
    return best;
}
