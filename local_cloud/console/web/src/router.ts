/** The page's address: `#/page/part/part`, each part encoded. */

import { useEffect, useState } from "preact/hooks";

export function link(...parts: string[]): string {
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}

export function go(...parts: string[]): void {
  location.hash = link(...parts);
}

function read(): string[] {
  const parts = location.hash.replace(/^#\/?/, "").split("/").filter(Boolean);
  return parts.map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part; // typed by hand
    }
  });
}

/** The parts of the address as they are now. */
export function useAddress(): string[] {
  const [address, setAddress] = useState(read);
  useEffect(() => {
    const change = () => {
      setAddress(read());
      scrollTo(0, 0);
    };
    addEventListener("hashchange", change);
    return () => removeEventListener("hashchange", change);
  }, []);
  return address;
}
