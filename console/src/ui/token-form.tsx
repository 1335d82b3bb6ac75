import { useId, useState, type ReactNode, type SubmitEvent } from 'react';

/** @param refused a token was sent, and the server did not take it */
export function TokenForm(props: { readonly refused: boolean; readonly onToken: (token: string) => void }): ReactNode {
  const [text, setText] = useState('');
  const id = useId();
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (text !== '') props.onToken(text);
    setText('');
  };
  return (
    <form className="panel token" onSubmit={submit} aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>This server asks for its token</h2>
      {props.refused && <p role="alert">✗ It did not take the token that was sent.</p>}
      <div className="fields">
        <div className="field">
          <label htmlFor={id}>Token (TIDEMARK_TOKEN)</label>
          <input
            id={id}
            type="password"
            autoComplete="off"
            value={text}
            onChange={(event) => setText(event.target.value)}
            aria-describedby={`${id}-note`}
          />
        </div>
        <button type="submit">Send it with each question</button>
      </div>
      <p id={`${id}-note`} className="note">
        It is kept for this tab only, and forgotten when the tab is closed.
      </p>
    </form>
  );
}
