// Of Jest and Vitest, for the test that a document shows.
declare function it(name: string, test: () => Promise<void>): void
