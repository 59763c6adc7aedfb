//! What is compressed inside a payload: gzip, zstandard, and pictures in base64.

use std::borrow::Cow;
use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A payload expands to this many bytes at most.
pub const MAX_EXPANDED: usize = 64 * 1024 * 1024;

/// As many layers are taken off.
const LAYERS: usize = 3;

/// A layer around what a payload holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Layer {
    Gzip,
    Zstandard,
    Base64,
}

impl Layer {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstandard => "zstandard",
            Self::Base64 => "base64",
        }
    }
}

/// Why a payload that begins like a compressed one was not expanded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpandError {
    /// More comes out than is good.
    #[error(
        "more than {} MiB come out of this {layer}, so it is not expanded; the bytes show it as it came",
        MAX_EXPANDED / 1024 / 1024
    )]
    TooMuch {
        /// The layer's name.
        layer: &'static str,
    },
    /// It can't be expanded.
    #[error("it begins like {layer}, but can't be expanded: {why}")]
    Damaged {
        /// The layer's name.
        layer: &'static str,
        /// What the decoder says.
        why: String,
    },
}

/// What a payload holds when its layers are taken off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expanded<'a> {
    /// The layers, outermost first, each with the size of what came out of it.
    pub layers: Vec<(Layer, usize)>,
    /// What is inside.
    pub bytes: Cow<'a, [u8]>,
    /// Why the last layer is still on.
    pub problem: Option<ExpandError>,
}

/// Takes the layers off.
pub fn expand(payload: &[u8]) -> Expanded<'_> {
    let mut expanded = Expanded {
        layers: Vec::new(),
        bytes: Cow::Borrowed(payload),
        problem: None,
    };
    while expanded.layers.len() < LAYERS
        && let Some(layer) = layer_of(&expanded.bytes)
    {
        match take_off(layer, &expanded.bytes) {
            Ok(bytes) => {
                expanded.layers.push((layer, bytes.len()));
                expanded.bytes = Cow::Owned(bytes);
            }
            Err(problem) => {
                expanded.problem = Some(problem);
                break;
            }
        }
    }
    expanded
}

fn layer_of(bytes: &[u8]) -> Option<Layer> {
    match bytes {
        [0x1f, 0x8b, 8, ..] => Some(Layer::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Layer::Zstandard),
        // Cameras on small boards send pictures as base64. Other base64 can't be told from a word.
        _ if crate::image::of(&base64_beginning(bytes)?).is_some() => Some(Layer::Base64),
        _ => None,
    }
}

/// The first bytes of what would be base64 of a picture.
fn base64_beginning(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = inner_base64(bytes);
    let beginning = text.get(..32)?;
    (beginning.starts_with(b"/9j/") || beginning.starts_with(b"iVBOR"))
        .then(|| STANDARD.decode(beginning).ok())
        .flatten()
}

/// The base64 within `data:image/jpeg;base64,…`.
fn inner_base64(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.trim_ascii();
    if !bytes.starts_with(b"data:image/") {
        return bytes;
    }
    let head = &bytes[..bytes.len().min(40)];
    match head.windows(8).position(|part| part == b";base64,") {
        Some(at) => &bytes[at + 8..],
        None => bytes,
    }
}

fn take_off(layer: Layer, bytes: &[u8]) -> Result<Vec<u8>, ExpandError> {
    match layer {
        Layer::Gzip => read(layer, flate2::read::MultiGzDecoder::new(bytes)),
        Layer::Zstandard => zstandard(bytes),
        Layer::Base64 => {
            let text: Vec<u8> = inner_base64(bytes)
                .iter()
                .copied()
                .filter(|byte| !byte.is_ascii_whitespace())
                .collect();
            STANDARD
                .decode(text)
                .map_err(|error| damaged(layer, &error))
        }
    }
}

/// A raw deflate stream, as Avro has them.
pub(crate) fn inflate(bytes: &[u8]) -> Result<Vec<u8>, ExpandError> {
    read(Layer::Gzip, flate2::read::DeflateDecoder::new(bytes))
}

/// Frames of zstandard, one behind the other.
pub(crate) fn zstandard(bytes: &[u8]) -> Result<Vec<u8>, ExpandError> {
    let layer = Layer::Zstandard;
    let mut rest = bytes;
    let mut all = Vec::new();
    while !rest.is_empty() {
        let frame = ruzstd::decoding::StreamingDecoder::new(&mut rest)
            .map_err(|error| damaged(layer, &error))?;
        let frame = read(layer, frame)?;
        if all.len() + frame.len() > MAX_EXPANDED {
            return Err(ExpandError::TooMuch {
                layer: layer.name(),
            });
        }
        all.extend(frame);
    }
    Ok(all)
}

fn read(layer: Layer, from: impl Read) -> Result<Vec<u8>, ExpandError> {
    let mut bytes = Vec::new();
    from.take(MAX_EXPANDED as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| damaged(layer, &error))?;
    if bytes.len() > MAX_EXPANDED {
        return Err(ExpandError::TooMuch {
            layer: layer.name(),
        });
    }
    Ok(bytes)
}

fn damaged(layer: Layer, why: &dyn std::fmt::Display) -> ExpandError {
    ExpandError::Damaged {
        layer: layer.name(),
        why: why.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
    }

    #[test]
    fn what_is_compressed_is_expanded_layer_by_layer() {
        let twice = zstd(&gzip(b"{\"v\":1}"));
        let expanded = expand(&twice);
        assert_eq!(&*expanded.bytes, b"{\"v\":1}");
        assert_eq!(expanded.layers[1], (Layer::Gzip, 7));
        assert_eq!(expanded.layers[0].0, Layer::Zstandard);
        assert_eq!(expanded.problem, None);
        let plain = expand(b"23.4");
        assert!(plain.layers.is_empty() && matches!(plain.bytes, Cow::Borrowed(_)));
    }

    #[test]
    fn frames_behind_each_other_are_one() {
        let both = [zstd(b"one "), zstd(b"two")].concat();
        assert_eq!(&*expand(&both).bytes, b"one two");
        let both = [gzip(b"one "), gzip(b"two")].concat();
        assert_eq!(&*expand(&both).bytes, b"one two");
    }

    #[test]
    fn a_bomb_is_an_error_in_words() {
        let bomb = gzip(&vec![0; MAX_EXPANDED + 1]);
        assert!(bomb.len() < 100_000);
        let expanded = expand(&bomb);
        assert_eq!(&*expanded.bytes, &bomb[..], "it stays as it came");
        let problem = expanded.problem.unwrap().to_string();
        assert!(
            problem.starts_with("more than 64 MiB come out of this gzip"),
            "{problem}"
        );
        let bomb = zstd(&vec![0; MAX_EXPANDED + 1]);
        assert_eq!(
            expand(&bomb).problem,
            Some(ExpandError::TooMuch { layer: "zstandard" })
        );
    }

    #[test]
    fn what_is_damaged_is_shown_as_it_came() {
        let mut cut = gzip(b"hello, hello, hello");
        cut.truncate(cut.len() - 9);
        let expanded = expand(&cut);
        assert_eq!(&*expanded.bytes, &cut[..]);
        assert!(matches!(
            expanded.problem,
            Some(ExpandError::Damaged { layer: "gzip", .. })
        ));
        let other = expand(b"\x28\xb5\x2f\xfdnonsense");
        assert!(other.problem.is_some());
    }

    #[test]
    fn a_picture_in_base64_is_taken_out_and_other_base64_is_not() {
        let picture = crate::image::tests::png(3, 2);
        let text = STANDARD.encode(&picture);
        assert_eq!(&*expand(text.as_bytes()).bytes, &picture[..]);
        let url = format!("data:image/png;base64,{text}\n");
        assert_eq!(&*expand(url.as_bytes()).bytes, &picture[..]);
        let word = STANDARD.encode(b"only a text that somebody has encoded");
        assert_eq!(expand(word.as_bytes()).layers, []);
    }
}
