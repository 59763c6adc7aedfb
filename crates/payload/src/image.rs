//! Pictures: PNG and JPEG by their first bytes, with their size in pixels.

/// Pixels of a picture that a page is given to draw at most; a small file can say that it has many more.
pub const MAX_PIXELS: u64 = 40_000_000;

/// A picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Image {
    /// `image/png` or `image/jpeg`.
    pub media_type: &'static str,
    /// Its size, where the payload goes on long enough to say it.
    pub pixels: Option<(u32, u32)>,
}

impl Image {
    /// Whether a page can be given it to draw.
    pub fn can_be_drawn(&self) -> bool {
        self.pixels.is_some_and(|(width, height)| {
            (1..=MAX_PIXELS).contains(&(u64::from(width) * u64::from(height)))
        })
    }
}

/// The picture that these bytes begin with.
pub fn of(bytes: &[u8]) -> Option<Image> {
    match bytes {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', rest @ ..] => Some(Image {
            media_type: "image/png",
            pixels: match rest {
                // Length and name of the first chunk, then its data.
                [
                    _,
                    _,
                    _,
                    _,
                    b'I',
                    b'H',
                    b'D',
                    b'R',
                    a,
                    b,
                    c,
                    d,
                    e,
                    f,
                    g,
                    h,
                    ..,
                ] => Some((
                    u32::from_be_bytes([*a, *b, *c, *d]),
                    u32::from_be_bytes([*e, *f, *g, *h]),
                )),
                _ => None,
            },
        }),
        [0xff, 0xd8, 0xff, ..] => Some(Image {
            media_type: "image/jpeg",
            pixels: jpeg_size(&bytes[2..]),
        }),
        _ => None,
    }
}

/// Walks over the segments to the frame header.
fn jpeg_size(mut rest: &[u8]) -> Option<(u32, u32)> {
    loop {
        let [0xff, marker, after @ ..] = rest else {
            return None;
        };
        match marker {
            0xff => rest = &rest[1..], // fill
            0x01 | 0xd0..=0xd7 => rest = after,
            // Frame headers; the numbers between them are tables.
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                let [_, _, _, a, b, c, d, ..] = after else {
                    return None;
                };
                return Some((
                    u16::from_be_bytes([*c, *d]).into(),
                    u16::from_be_bytes([*a, *b]).into(),
                ));
            }
            0xd9 | 0xda => return None,
            _ => {
                let [a, b, ..] = after else {
                    return None;
                };
                rest = after.get(usize::from(u16::from_be_bytes([*a, *b]))..)?;
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The beginning of a PNG, as far as its size.
    pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend([8, 2, 0, 0, 0, 1, 2, 3, 4]);
        bytes
    }

    #[test]
    fn a_picture_is_known_by_its_first_bytes() {
        let image = of(&png(640, 480)).unwrap();
        assert_eq!(
            (image.media_type, image.pixels),
            ("image/png", Some((640, 480)))
        );
        assert!(image.can_be_drawn());
        let jpeg = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xdb\0\x04\0\0\xff\xc0\0\x11\x08\x01\xe0\x02\x80\x03";
        let image = of(jpeg).unwrap();
        assert_eq!(
            (image.media_type, image.pixels),
            ("image/jpeg", Some((640, 480)))
        );
        assert_eq!(of(b"GIF89a"), None);
        for end in 0..jpeg.len() {
            let _ = of(&jpeg[..end]);
        }
    }

    #[test]
    fn a_small_file_that_says_it_is_huge_is_not_drawn() {
        assert!(!of(&png(65_535, 65_535)).unwrap().can_be_drawn());
        assert!(!of(&png(0, 10)).unwrap().can_be_drawn());
        assert!(!of(b"\xff\xd8\xff").unwrap().can_be_drawn());
    }
}
