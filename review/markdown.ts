/** One stack's review as a section of Markdown that can be made shorter. */

import { fitted, type Piece } from "./budget";
import { clipped, code, fenced, html, prose } from "./escape";
import { outline, type Part } from "./outline";
import type { ConfigurationChange, Review } from "./review";
import type { TextTable } from "./route-groups";
import { configurationSummary } from "./text";
import { verdict } from "./verdict";
import { count } from "./wording";

/** Ranks of pieces: verdicts and harm stay to the last. */
const ranks = { head: 0, harm: 1, change: 2, diagram: 3, detail: 4, configuration: 5 } as const;

/** Most characters of a line. A name or message that is longer is not worth reading. */
const mostCharacters = 600;

/** Lines of a part that stand open; the others are folded. */
const mostOpen = 6;

/** Characters of a diagram beyond which GitHub's Mermaid refuses to draw it (Mermaid, maxTextSize). */
const mostDiagram = 50_000;

/**
 * A review as Markdown: a heading, a verdict, then parts in order of importance.
 *
 * @param budget most UTF-16 units of the result
 * @param more the command that shows everything
 */
export function reviewMarkdown(review: Review, budget: number, more: string): string {
    return fitted([pieces(review, more)], budget).join("\n");
}

/** The pieces of a section: they start on lines of their own, and an empty one is left out. */
export function pieces(review: Review, more: string): readonly Piece[] {
    const head = `### ${prose(clipped(review.stack, 80))}\n\n**${prose(clipped(verdict(review), mostCharacters))}.**`;
    const parts = outline(review);
    return [
        { rank: ranks.head, items: 0, render: () => head },
        ...parts.map((part) => partPiece(part, more)),
        ...diagramPiece(review, more),
        ...parts.flatMap((part) => detailPiece(part, more)),
        ...configurationPiece(review.configurations, more),
    ];
}

/** Text that says what is left out, and how to see it. */
function leftOut(what: string, more: string): string {
    return `… ${what}: ${code(more)}`;
}

function partPiece({ title, harm, lines }: Part, more: string): Piece {
    return {
        rank: harm ? ranks.harm : ranks.change,
        items: lines.length,
        render: (items) => {
            const shown = lines.slice(0, items).map((line) => prose(clipped(line, mostCharacters)));
            const rest = lines.length - items;
            const cut = rest === 0 ? [] : [leftOut(`${rest} more`, more)];
            const all = [...shown, ...cut];
            const open = all.length <= mostOpen + 1 ? all : all.slice(0, mostOpen);
            const folded = all.slice(open.length);
            return [
                open.length === 1 ? `- **${title}**: ${open[0]!}` : `- **${title}**\n${bullets(open, "  ")}`,
                ...(folded.length === 0
                    ? []
                    : ["", fold(`${title}: ${count(folded.length, "more line")}`, bullets(folded, ""))]),
            ].join("\n");
        },
    };
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

function configurationPiece(changes: readonly ConfigurationChange[], more: string): readonly Piece[] {
    if (changes.length === 0) {
        return [];
    }
    return [
        {
            rank: ranks.configuration,
            items: changes.length,
            render: (items) => {
                const files = changes
                    .slice(0, items)
                    .map(({ path, diff }) => `${code(path)}\n\n${fenced("diff", diff)}`);
                const rest = changes.length - items;
                const cut = rest === 0 ? [] : [leftOut(`${count(rest, "more file")}`, more)];
                return fold(`Configurations: ${configurationSummary(changes)}`, [...files, ...cut].join("\n\n"));
            },
        },
    ];
}
