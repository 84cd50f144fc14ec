// SPDX-License-Identifier: Apache-2.0

/**
 * Keeps other state-touching calls out while a commit is being written. Every other method of the application is
 * synchronous, so on one thread they exclude each other already; only the commit waits in the middle. Without this a
 * node that died within a commit and came back would read the height before it and replay the block on top of it.
 */
export class CommitGate {
  #running: Promise<void> | undefined;

  /** Runs `call` at once when no commit is being written, else after it. */
  between<T>(call: () => T): T | Promise<T> {
    if (this.#running === undefined) return call();
    return this.#wait(call);
  }

  async #wait<T>(call: () => T): Promise<T> {
    while (this.#running !== undefined) await this.#running;
    return call();
  }

  /** Runs a commit alone. */
  async commit<T>(call: () => Promise<T>): Promise<T> {
    while (this.#running !== undefined) await this.#running;
    const result = call();
    const done = (): void => {
      this.#running = undefined;
    };
    this.#running = result.then(done, done);
    return result;
  }

  /** Resolves when no commit is being written: what a clean stop waits for. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }
}
