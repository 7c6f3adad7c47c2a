import type { CheckResult } from "./check";

/** Exit code of a verification: 0 when all checks pass, 1 when one fails, 2 when there is nothing to check. */
export function exitCode(results: readonly CheckResult[]): 0 | 1 | 2 {
    if (results.length === 0) {
        return 2;
    }
    return results.some((result) => result.status === "fail") ? 1 : 0;
}

/** One paragraph per failed check: what, what was expected, what was seen. */
export function failures(results: readonly CheckResult[]): string {
    return results
        .filter((result) => result.status === "fail")
        .map(({ subject, expected, observed }) => `  ${subject}\n    expected ${expected}\n    observed ${observed}`)
        .join("\n");
}

function shorten(text: string, width: number): string {
    return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

/** Rows as lines of text, with their cells in columns as wide as the widest; the first row has a cell for each column. */
export function columns(rows: readonly (readonly string[])[]): string {
    const widths = (rows[0] ?? []).map((_cell, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
    const line = (row: readonly string[]) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ");
    return rows.map((row) => line(row).trimEnd()).join("\n");
}

/**
 * The results as a table for people.
 *
 * @param width largest width of the observed column, so that long lists of next hops do not wrap
 */
export function table(results: readonly CheckResult[], width = 72): string {
    const rows = results.map((result) => [
        result.status,
        result.subject,
        shorten(result.observed, width),
        `${result.milliseconds} ms`,
    ]);
    const header = ["status", "check", "observed", "after"];
    const failed = failures(results);
    return [columns([header, ...rows]), ...(failed === "" ? [] : ["", failed]), "", summary(results)].join("\n");
}

/** One line: how many passed and failed, and how long it took. */
export function summary(results: readonly CheckResult[]): string {
    const failed = results.filter((result) => result.status === "fail").length;
    const seconds = (Math.max(0, ...results.map((result) => result.milliseconds)) / 1_000).toFixed(1);
    if (results.length === 0) {
        return "nothing to check";
    }
    return failed === 0
        ? `${results.length} checks passed in ${seconds} s`
        : `${failed} of ${results.length} checks failed after ${seconds} s`;
}

/** The results for programs. */
export function json(results: readonly CheckResult[]): string {
    const failed = results.filter((result) => result.status === "fail").length;
    return `${JSON.stringify({ total: results.length, failed, results }, undefined, 2)}\n`;
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function escapeXml(text: string): string {
    return text.replace(/[&<>"]/g, (character) => entities[character] ?? character);
}

/** The results in JUnit's XML, as continuous integration systems read it. */
export function junit(results: readonly CheckResult[]): string {
    const failed = results.filter((result) => result.status === "fail").length;
    const cases = results.map((result) => {
        const head = `    <testcase classname="${result.check.kind}" name="${escapeXml(result.subject)}" time="${result.milliseconds / 1_000}"`;
        if (result.status === "pass") {
            return `${head}/>`;
        }
        const message = escapeXml(`expected ${result.expected}; observed ${result.observed}`);
        return `${head}>\n      <failure message="${message}"/>\n    </testcase>`;
    });
    return [
        '<?xml version="1.0" encoding="UTF-8"?>',
        "<testsuites>",
        `  <testsuite name="bgp-lab" tests="${results.length}" failures="${failed}">`,
        ...cases,
        "  </testsuite>",
        "</testsuites>",
        "",
    ].join("\n");
}
