/** What the SDK says when an engine lacks a feature, and which feature that is. */
const outdated: readonly (readonly [RegExp, string])[] = [
    [/The Pulumi CLI does not support (.+?)\. Please update the Pulumi CLI\.?/g, "$1"],
    [/The installed version of the CLI does not support (.+?)\. Please upgrade the Pulumi CLI\.?/g, "$1"],
];

/** Rewords advice to update a CLI, which is of no use here: there is none. */
export function reword(message: string): string {
    return outdated.reduce(
        (text, [pattern, what]) =>
            text.replace(
                pattern,
                `The embedded engine does not support ${what}. Use the Pulumi CLI for it (the state is the same), or leave it out.`,
            ),
        message,
    );
}
