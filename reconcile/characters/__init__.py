"""Characters: 住基ネット統一文字 <-> MJ <-> Unicode, and the ladder that says whether two are the same, and on whose authority."""
