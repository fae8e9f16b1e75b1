/**
 * Finds the end of a JSON object or list that comes in pieces. Only strings and brackets are looked at: what else is wrong in
 * it, its reader will see. Control characters within strings are escaped, which models forget.
 */
export class JsonScan {
  state: 'open' | 'closed' | 'broken' = 'open';
  readonly #closers: string[] = [];
  #inString = false;
  #isEscaped = false;

  /** Takes as much of a text as belongs to the value. @returns the number of characters taken, and what they say */
  read(text: string): { readonly length: number; readonly json: string } {
    let length = 0;
    let json = '';
    while (length < text.length && this.state === 'open') {
      const taken = this.#take(text[length]!);
      if (taken === null) break;
      json += taken;
      length += 1;
    }
    return { length, json };
  }

  #take(character: string): string | null {
    if (this.#inString) {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (character === '\\') this.#isEscaped = true;
      else if (character === '"') this.#inString = false;
      else if (character < ' ') return JSON.stringify(character).slice(1, -1);
      return character;
    }
    if (character === '{') this.#closers.push('}');
    else if (character === '[') this.#closers.push(']');
    else if (this.#closers.length === 0) return this.#break();
    else if (character === '"') this.#inString = true;
    else if (character === '}' || character === ']') {
      if (this.#closers.pop() !== character) return this.#break();
      if (this.#closers.length === 0) this.state = 'closed';
    }
    return character;
  }

  #break(): null {
    this.state = 'broken';
    return null;
  }
}
