/** What should be retained: the last acknowledged message of each topic, or one that was published after it. */

export class Shelf {
  /** By topic: what was published, in order; an empty text where it was cleared. */
  readonly #published = new Map<string, { readonly values: string[]; acknowledged: number }>();

  /** A message to retain, or an empty text, is published. @returns its number under this topic, from 1 on. */
  sent(topic: string, value: string): number {
    let published = this.#published.get(topic);
    if (published === undefined) this.#published.set(topic, (published = { values: [''], acknowledged: 0 }));
    return published.values.push(value) - 1;
  }

  acknowledged(topic: string, number: number): void {
    const published = this.#published.get(topic)!;
    published.acknowledged = Math.max(published.acknowledged, number);
  }

  /** What may be retained under each topic, an empty text for nothing. */
  get expected(): Map<string, readonly string[]> {
    return new Map([...this.#published].map(([topic, { values, acknowledged }]) => [topic, values.slice(acknowledged)]));
  }

  /** Whether everything that must be there has been found. */
  isComplete(found: ReadonlyMap<string, string>): boolean {
    return [...this.expected].every(([topic, values]) => values.includes('') || found.has(topic));
  }

  /** What is wrong with what was found. */
  faults(found: ReadonlyMap<string, string>): { readonly topic: string; readonly sentence: string }[] {
    const { expected } = this;
    const wrong = [...expected].flatMap(([topic, values]) => {
      const value = found.get(topic) ?? '';
      if (values.includes(value)) return [];
      const due = values.map((one) => one || 'nothing').join(' or ');
      return [{ topic, sentence: `${topic} has ${value || 'nothing'} retained, and should have ${due}` }];
    });
    const strange = [...found.keys()].filter((topic) => !expected.has(topic));
    return [...wrong, ...strange.map((topic) => ({ topic, sentence: `nobody ever published to ${topic}` }))];
  }
}
