/** Drawings as Graphviz makes them, dressed for a page: with one style sheet, for light and dark pages. */

import { dark, light, type Painted } from "./paint";

/**
 * A drawing that stands for itself: it needs no fonts or files of others, follows the page's color scheme, and says what
 * it shows.
 *
 * @param drawing what Graphviz's `dot` made of `dotOf`, as SVG
 * @param title what it shows, for people who do not see it
 */
export function dressed(drawing: string, title: string): string {
    const [, width, height] = /<svg width="(\d+)pt" height="(\d+)pt"/.exec(drawing)!;
    const body = drawing
        .slice(drawing.indexOf("<g "))
        .replace(/<!--.*?-->\n/gs, "")
        .replace(/<title>.*?<\/title>\n/gs, "")
        .replace(/ (?:id|fill|stroke|font-family|font-size|font-weight|xml:space)="[^"]*"/g, "")
        .replace(/ class="(?:node|cluster) is_(\w+)"/g, ' class="box $1"')
        .replace(/ class="edge is_(\w+)"/g, ' class="line $1"')
        .replace(/&#45;/g, "-")
        .replace(/ class="graph" transform="scale\(1 1\) rotate\(0\) /, ' transform="');
    const kinds = [
        ...new Set([...body.matchAll(/ class="(box|line) (\w+)"/g)].map(([, shape, kind]) => `${shape} ${kind}`)),
    ];
    const colors = (palette: typeof light) => [pageRule(palette), ...kinds.flatMap((kind) => rules(kind, palette))];
    return [
        `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title">`,
        `<title id="title">${entities(title)}</title>`,
        "<style>",
        ...fonts,
        ...colors(light),
        "@media (prefers-color-scheme: dark) {",
        ...colors(dark),
        "}",
        "</style>",
        '<rect class="page" width="100%" height="100%" rx="8"/>',
        body,
    ].join("\n");
}

/** Graphviz has measured all texts one pixel larger, which leaves room for bold letters and for wider fonts. */
const fonts = [
    "text { font: 12px Helvetica, Arial, sans-serif }",
    ".line text { font-size: 10px }",
    ".box > text:first-of-type { font-weight: bold }",
];

function pageRule({ page }: typeof light): string {
    return `.page { fill: ${page.fill} }`;
}

/** Every renderer knows plain selectors; variables are left out for those that make pictures for slides. */
function rules(shapeAndKind: string, palette: typeof light): readonly string[] {
    const [shape, kind = ""] = shapeAndKind.split(" ");
    const { fill, line, text } = palette[kind as Painted];
    const own = `.${shape}.${kind}`;
    const label = `${own} text { fill: ${text} }`;
    return shape === "box"
        ? [`${own} path, ${own} polygon, ${own} polyline { fill: ${fill}; stroke: ${line} }`, label]
        : [`${own} path { fill: none; stroke: ${line} }`, `${own} polygon { fill: ${line}; stroke: ${line} }`, label];
}

function entities(text: string): string {
    return text.replace(/[&<>]/g, (character) => `&#${character.codePointAt(0)};`);
}
