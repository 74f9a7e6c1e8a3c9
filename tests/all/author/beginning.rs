//! From nothing to a component that a server takes.

use std::fs;

use super::{SHOP, at_home, fails, folder, plugin, succeeds};

/// A document as vendors publish them, with two lists and an address that is none.
const OPENAPI: &str = r##"openapi: 3.0.3
info: { title: Book Shop API, version: "1" }
servers: [{ url: https://api.books.example/v1 }]
components:
  securitySchemes:
    key: { type: apiKey, in: header, name: X-Api-Key }
  schemas:
    Book:
      type: object
      properties:
        id: { type: integer }
        title: { type: string, example: "Emma" }
        published_at: { type: string, format: date-time }
security: [{ key: [] }]
paths:
  /books:
    get:
      parameters: [{ name: page, in: query, schema: { type: integer } }, { name: per_page, in: query }]
      responses:
        "200":
          description: Books
          content:
            application/json:
              schema:
                type: object
                properties:
                  books: { type: array, items: { $ref: "#/components/schemas/Book" } }
  /books/{id}:
    get: { responses: { "200": { description: One } } }
  /authors:
    get:
      parameters: [{ name: page, in: query }, { name: per_page, in: query }]
      responses:
        "200":
          description: Authors
          content: { application/json: { schema: { type: array, items: { $ref: "#/components/schemas/Book" } } } }
"##;

#[test]
fn a_manifest_becomes_a_plugin_that_passes() {
    let folder = folder("manifest");
    fs::write(folder.join("shop.toml"), SHOP).unwrap();
    let said = succeeds(&folder, &["new", "shop", "--manifest", "shop.toml", "--set", "store=north"]);
    for words in ["shop/provider.toml", "shop/src/lib.rs", "streams items", "sdk-plugin", "patchbay plugin build"] {
        assert!(said.contains(words), "`{words}` is not in: {said}");
    }
    let fixture = fs::read_to_string(folder.join("shop/fixtures/items.json")).unwrap();
    assert!(fixture.contains("https://north.shop.example/v2/items?page=2"), "{fixture}");
    let shop = folder.join("shop");
    at_home(&shop);
    // In the folder itself, as most will work.
    let said = succeeds(&shop, &["build"]);
    assert!(said.contains("target/plugins/shop/plugin.wasm") && said.contains("kB"), "{said}");
    assert!(said.contains("asks for patchbay:plugin/") && said.contains("pull"), "{said}");
    let said = succeeds(&shop, &["test"]);
    for words in
        ["items.json", "items-refused.json", "4000 M", "64 MiB", "begun again at 1 cursor,", "36 answers replaced"]
    {
        assert!(said.contains(words), "`{words}` is not in: {said}");
    }
    assert!(!said.contains("note:") && said.contains("\nall as it should be\n"), "{said}");
    let said = succeeds(&shop, &["check"]);
    assert!(said.contains("Shop (shop) is sound: with a component, streams items"), "{said}");
    assert!(said.contains("gives ") && said.contains("classify-error"), "{said}");
    // What the author breaks is found: another stream in the manifest than in the code.
    let manifest = fs::read_to_string(shop.join("provider.toml")).unwrap();
    fs::write(shop.join("provider.toml"), manifest.replace("name = \"items\"", "name = \"orders\"")).unwrap();
    fails(&shop, &["check"], &["promises the stream `orders`", "does not know"]);
    fails(
        &shop,
        &["test", "--no-build"],
        &["wrong: items.json: provider.toml has no stream `items`", "stream `orders`"],
    );
    // Nothing is written over.
    fails(&folder, &["new", "shop", "--manifest", "shop.toml"], &["shop is not empty", "--directory"]);
    // What does not compile says so after the compiler.
    fs::write(shop.join("src/lib.rs"), "fn pull() -> { }").unwrap();
    fails(&shop, &["build"], &["error", "src/lib.rs", "the plugin does not compile"]);
}

#[test]
fn a_document_becomes_a_plugin_with_its_lists_as_streams() {
    let folder = folder("openapi");
    fs::write(folder.join("openapi.yaml"), OPENAPI).unwrap();
    let arguments = ["new", "books", "--openapi", "openapi.yaml", "--category", "commerce", "--directory", "plugin"];
    let said = succeeds(&folder, &arguments);
    assert!(said.contains("streams books, authors"), "{said}");
    let books = folder.join("plugin");
    let manifest = fs::read_to_string(books.join("provider.toml")).unwrap();
    assert!(manifest.contains("style = \"page\"") && manifest.contains("size_param = \"per_page\""), "{manifest}");
    let fixture = fs::read_to_string(books.join("fixtures/books.json")).unwrap();
    assert!(fixture.contains("Emma") && fixture.contains("/books?per_page=100&page=1"), "{fixture}");
    at_home(&books);
    let said = succeeds(&books, &["test"]);
    assert!(said.contains("authors.json") && said.contains("all as it should be"), "{said}");
}

#[test]
fn what_cannot_be_begun_is_refused_with_what_to_do() {
    let folder = folder("refused");
    fs::write(folder.join("shop.toml"), SHOP).unwrap();
    fs::write(folder.join("page.html"), "<html>").unwrap();
    fails(&folder, &["new", "store", "--manifest", "shop.toml"], &["`shop`", "patchbay plugin new shop"]);
    fails(&folder, &["new", "shop", "--manifest", "nowhere.toml"], &["nowhere.toml"]);
    fails(&folder, &["new", "shop", "--manifest", "shop.toml", "--set", "shop=a"], &["no variable `shop`"]);
    fails(&folder, &["new", "shop", "--manifest", "shop.toml", "--sdk", "./page.html"], &["patchbay-plugin"]);
    fails(&folder, &["new", "shop", "--openapi", "page.html"], &["this is no OpenAPI"]);
    let (output, said) = plugin(&folder, &["new", "shop"], &[]);
    assert!(!output.status.success() && said.contains("--manifest") && said.contains("--openapi"), "{said}");
    assert!(!folder.join("shop").exists() && !folder.join("store").exists());
}
