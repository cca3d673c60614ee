import { createTestKeys, eventFixture, signDelivery, type TestKeys } from '@hongbao/core/testing'
import type { Delivery, EventType } from '@hongbao/core'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { SNIPPETS } from '../../docs/snippets.ts'

export const keys: TestKeys = createTestKeys()

const made: string[] = []
afterAll(() => made.forEach((folder) => rmSync(folder, { recursive: true, force: true })))

/** Writes a recipe of docs/observing.md into a folder of its own, as a reader would, and returns its path. */
export function writeRecipe(name: string): string {
  return join(writeRecipes([name]), name)
}

/** Writes several into one folder. */
export function writeRecipes(names: readonly string[]): string {
  const folder = mkdtempSync(join(import.meta.dirname, '.recipe-'))
  made.push(folder)
  for (const name of names) {
    const recipe = SNIPPETS.find((snippet) => snippet.name === name)
    if (recipe === undefined) throw new Error(`No document has the snippet ${name}.`)
    writeFileSync(join(folder, name), recipe.code)
  }
  return folder
}

/** Loads a recipe of docs/observing.md. */
export function importRecipe<Recipe>(name: string): Promise<Recipe> {
  return import(/* @vite-ignore */ writeRecipe(name))
}

/** A delivery of an event, signed with {@link keys}. */
export function delivery(type: EventType, id = 'red_1'): Delivery {
  return signDelivery(eventFixture(type, { object: { id } }), keys).delivery()
}
