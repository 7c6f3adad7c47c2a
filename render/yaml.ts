import { stringify } from "yaml";

/**
 * A value as YAML that readers of YAML 1.1 and 1.2 understand alike. Kubernetes' own is one of the former: it takes a
 * bare `Yes` for a truth value.
 */
export function yamlText(value: unknown): string {
    return stringify(value, { schema: "yaml-1.1", aliasDuplicateObjects: false, lineWidth: 0, blockQuote: "literal" });
}

/** Objects as one file of YAML documents, as `kubectl apply` reads it. */
export function yamlDocuments(values: readonly unknown[]): string {
    return values.map(yamlText).join("---\n");
}
