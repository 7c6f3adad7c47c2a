/** One stack's review as a section of Markdown that can be made shorter. */

import type { Piece } from "./budget";
import { clipped, code, fenced, html, prose } from "./escape";
import { outline, type Part } from "./outline";
import type { ConfigurationChange, Review } from "./review";
import type { TextTable } from "./route-groups";
import { configurationSummary } from "./text";
import { count } from "./wording";

/** Ranks of pieces: harm stays to the last. */
const ranks = { harm: 1, change: 2, more: 3, diagram: 4, detail: 5, configuration: 6 } as const;

/** Most characters of a line. A name or message that is longer is not worth reading. */
const mostCharacters = 600;

/** Lines of a part that stand open; the others are folded. */
const mostOpen = 6;

/** Characters of a diagram beyond which GitHub's Mermaid refuses to draw it (Mermaid, maxTextSize). */
const mostDiagram = 50_000;

/**
 * The pieces of a section: what stands open first, then what is folded.
 *
 * @param command the `make` command that compares the stack
 */
export function pieces(review: Review, command: string): readonly Piece[] {
    const more = `${command} ARGS=--verbose`;
    const parts = outline(review);
    return [
        ...parts.filter(({ lines }) => lines.length > 0).map((part) => partPiece(part, more)),
        ...parts.flatMap((part) => morePiece(part, more)),
        ...diagramPiece(review, `${command} ARGS=--json`),
        ...parts.flatMap((part) => detailPiece(part, more)),
        ...(review.kind === "new" || review.kind === "removed" ? [] : configurationPiece(review.configurations, more)),
    ];
}

/** Text that says what is left out, and how to see it. */
function leftOut(what: string, more: string): string {
    return `… ${what}: ${code(more)}`;
}

/** The lines with what is left out of them as another one. */
function cutLines(lines: readonly string[], items: number, more: string): readonly string[] {
    const shown = lines.slice(0, items).map((line) => prose(clipped(line, mostCharacters)));
    const rest = lines.length - items;
    return [...shown, ...(rest === 0 ? [] : [leftOut(`${rest} more`, more)])];
}

function partPiece({ title, harm, lines }: Part, more: string): Piece {
    const open = lines.slice(0, mostOpen);
    return {
        rank: harm ? ranks.harm : ranks.change,
        items: open.length,
        tight: true,
        render: (items) => {
            const shown = cutLines(open, items, more);
            return shown.length === 1 ? `- **${title}**: ${shown[0]!}` : `- **${title}**\n${bullets(shown, "  ")}`;
        },
    };
}

/** The lines that do not stand open. */
function morePiece({ title, lines }: Part, more: string): readonly Piece[] {
    const folded = lines.slice(mostOpen);
    if (folded.length === 0) {
        return [];
    }
    return [
        {
            rank: ranks.more,
            items: folded.length,
            render: (items) => fold(`${title}: ${folded.length} more`, bullets(cutLines(folded, items, more), "")),
        },
    ];
}

function bullets(lines: readonly string[], indent: string): string {
    return lines.map((line) => `${indent}- ${line}`).join("\n");
}

/** A part that is closed at first. Markdown is read inside because of the empty lines. */
function fold(summary: string, content: string): string {
    return `<details><summary>${html(summary)}</summary>\n\n${content}\n\n</details>`;
}

function detailPiece({ title, detail }: Part, more: string): readonly Piece[] {
    if (detail === undefined) {
        return [];
    }
    const { header, rows } = detail;
    return [
        {
            rank: ranks.detail,
            items: rows.length,
            render: (items) => {
                const cut = items === rows.length ? [] : ["", leftOut(`${rows.length - items} more`, more)];
                const lines = items === 0 ? [] : tableLines({ header, rows: rows.slice(0, items) });
                return fold(`${title} one by one`, [...lines, ...cut].join("\n").trim());
            },
        },
    ];
}

/** A table; cells are plain text. */
export function tableLines({ header, rows }: TextTable): readonly string[] {
    const line = (cells: readonly string[]) =>
        `| ${cells.map((cell) => prose(clipped(cell, mostCharacters))).join(" | ")} |`;
    return [line(header), `| ${header.map(() => "---").join(" | ")} |`, ...rows.map(line)];
}

function diagramPiece({ diagram }: Review, more: string): readonly Piece[] {
    if (diagram === undefined) {
        return [];
    }
    const isDrawn = diagram.length <= mostDiagram;
    return [
        {
            rank: ranks.diagram,
            items: isDrawn ? 1 : 0,
            render: (items) =>
                items === 0
                    ? leftOut("the diagram is too large to show here", more)
                    : fold("Diagram", fenced("mermaid", diagram)),
        },
    ];
}

function configurationPiece(all: readonly ConfigurationChange[], more: string): readonly Piece[] {
    const changes = all.filter(({ alternative }) => alternative !== true);
    if (all.length === 0) {
        return [];
    }
    const others = all.length - changes.length;
    const same = others === 0 ? [] : [`The same for other operating systems: ${count(others, "more file")}.`];
    return [
        {
            rank: ranks.configuration,
            items: changes.length,
            render: (items) => {
                const files = changes
                    .slice(0, items)
                    .map(({ path, diff }) => `${code(path)}\n\n${fenced("diff", diff)}`);
                const rest = changes.length - items;
                const cut = rest === 0 ? [] : [leftOut(count(rest, "more file"), more)];
                return fold(
                    `Configurations: ${configurationSummary(changes)}`,
                    [...files, ...cut, ...same].join("\n\n"),
                );
            },
        },
    ];
}
