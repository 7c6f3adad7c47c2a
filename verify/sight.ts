/** What one look at a check saw. */
export interface Sight {
    readonly holds: boolean;
    /** What is there, in a few words. */
    readonly observed: string;
}
